import { type Document, isAlias, isMap, isPair, isScalar, isSeq, parseDocument, type ScalarTag } from 'yaml';

/** Thrown for a text that is no YAML. The message doesn't quote the text, which may contain credentials. */
export class InvalidYaml extends Error {
  override readonly name = 'InvalidYaml';
}

/**
 * The first document of a file, as client-go reads it: by go-yaml 2, which knows YAML 1.1 (`yes` is a boolean, and `0777` a
 * number), takes the last of several equal keys, and UTF-16 (go.yaml.in/yaml/v2 resolve.go, decode.go; sigs.k8s.io/yaml).
 *
 * @throws InvalidYaml
 */
export function readGoYaml(file: Uint8Array): unknown {
  const text = decode(file);
  try {
    const json: unknown = JSON.parse(text);
    return json;
  } catch {
    // It isn't JSON, but may be YAML.
  }
  const first = firstDocument(text);
  const asIs = parse(first);
  const document = asIs.errors.length === 0 ? asIs : parse(withIndentedBrackets(first));
  const [error] = document.errors;
  if (error !== undefined) {
    const [{ line = 0 } = {}] = error.linePos ?? [];
    throw new InvalidYaml(`line ${line} is no valid YAML (${error.code})`);
  }
  return decodeNode(document.contents, document, new Set());
}

const parse = (text: string) =>
  parseDocument(text, { schema: 'failsafe', customTags, uniqueKeys: false, logLevel: 'error' });

/** The text with the lines between brackets indented, which go-yaml doesn't require. */
function withIndentedBrackets(text: string): string {
  let depth = 0;
  return text.replace(BRACKETS, (token) => {
    if (token === '[' || token === '{') depth++;
    if ((token === ']' || token === '}') && depth > 0) depth--;
    return token === '\n' && depth > 0 ? `\n${INDENTATION}` : token;
  });
}

/** Brackets, line breaks, and what these don't count in: quotes and comments. */
const BRACKETS = /(?<=^|[\s[{,:])(?:"(?:[^"\\]|\\.)*"|'[^']*'|#[^\n]*|[[{])|[\]}]|\n/gms;
/** More than any block around them is indented. */
const INDENTATION = ' '.repeat(80);

/** The text up to the second document, which go-yaml doesn't look at. No scalar can contain a line that starts with `---`. */
function firstDocument(text: string): string {
  let hasBegun = false;
  for (const { 0: line, index } of text.matchAll(/^.*$/gm)) {
    if (hasBegun && /^(?:---|\.\.\.)(?:\s|$)/.test(line)) return text.slice(0, index);
    hasBegun ||= !/^\s*(?:#|%|$)/.test(line);
  }
  return text;
}

/** By the byte order mark, without which it is UTF-8. */
function decode(file: Uint8Array): string {
  const [first, second] = file;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(file);
  } catch {
    throw new InvalidYaml('it is no text in UTF-8');
  }
}

const tag = (name: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag => ({
  tag: `tag:yaml.org,2002:${name}`,
  default: true,
  test,
  resolve,
});

const customTags = [
  tag('null', /^(?:~|null|Null|NULL)?$/, () => null),
  tag('bool', /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true),
  tag('bool', /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false),
  tag('int', /^[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[0-9][0-9_]*)$/, toNumber),
  tag('float', /^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$/, toNumber),
  tag('float', /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/, () => Number.NaN),
];

function toNumber(text: string): number {
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/.exec(text.replaceAll('_', '')) ?? [];
  const value = Number(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
  return sign === '-' ? -value : value;
}

/** @param within the nodes around this one, none of which it may contain */
function decodeNode(node: unknown, document: Document.Parsed, within: ReadonlySet<unknown>): unknown {
  if (within.has(node)) throw new InvalidYaml('an anchor contains itself');
  const inside = new Set(within).add(node);
  if (isScalar(node)) return node.value;
  if (isAlias(node)) {
    const target = node.resolve(document);
    if (target === undefined) throw new InvalidYaml('an alias has no anchor');
    return decodeNode(target, document, inside);
  }
  if (isSeq(node)) return node.items.map((item) => decodeNode(item, document, inside));
  if (!isMap(node)) return null;
  const entries = new Map<string, unknown>();
  for (const pair of node.items) {
    if (!isPair(pair)) continue;
    const value = decodeNode(pair.value, document, inside);
    if (isScalar(pair.key) && pair.key.value === '<<' && pair.key.type === 'PLAIN') {
      // Of several, earlier ones take precedence; all of them over the keys before.
      for (const merged of [value].flat().reverse()) {
        for (const [key, item] of Object.entries(Object(merged))) entries.set(key, item);
      }
    } else {
      entries.set(String(decodeNode(pair.key, document, inside)), value);
    }
  }
  return Object.fromEntries(entries);
}
