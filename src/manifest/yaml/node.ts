/** A part of a text, with `start` and `end` as in `slice`. An anchor or a tag before a node isn't part of it. */
interface Placed {
  readonly start: number;
  readonly end: number;
}

export interface Scalar extends Placed {
  readonly type: 'scalar';
  /** Its first character: a quotation mark, a block's indicator, or empty for a plain scalar. */
  readonly style: '' | '"' | "'" | '|' | '>';
  /** What it says, unquoted and unfolded. */
  readonly text: string;
  readonly tag: string | undefined;
}

export interface Pair {
  readonly key: Node;
  readonly value: Node;
}

export interface Mapping extends Placed {
  readonly type: 'mapping';
  readonly pairs: readonly Pair[];
  /** Whether it is in braces, or a single pair in brackets. */
  readonly isFlow: boolean;
}

export interface Sequence extends Placed {
  readonly type: 'sequence';
  readonly items: readonly Node[];
  readonly isFlow: boolean;
}

export interface Alias extends Placed {
  readonly type: 'alias';
  readonly name: string;
  /** What it stands for. It may be a collection that has the alias. */
  readonly target: () => Node;
}

/** A node of a YAML document, with its place in the text. */
export type Node = Scalar | Mapping | Sequence | Alias;

/** The node itself, or the one that an alias stands for. */
export function follow(node: Node | undefined): Exclude<Node, Alias> | undefined {
  let followed = node;
  while (followed?.type === 'alias') followed = followed.target();
  return followed;
}

/** Aliases that lead back to themselves, or expand too far. The message says which. */
export class Endless extends Error {
  override readonly name = 'Endless';
}

/** The limit of alias expansion in one value, because nested aliases can grow without bound. */
const MOST_ALIASES = 1000;

/**
 * What a node says, as JavaScript values. Of a key that occurs twice the last counts, and a merge key overrides what
 * stands before it, as in `sigs.k8s.io/yaml` (go-yaml v2, decode.go, `mapping`).
 *
 * @throws Endless
 */
export function valueFrom(node: Node): unknown {
  return new Reader().read(node);
}

class Reader {
  #aliases = 0;
  /** The collections that are being read. */
  readonly #open = new Set<Node>();

  read(node: Node): unknown {
    if (node.type === 'scalar') return scalarValue(node);
    if (node.type === 'alias') {
      this.#aliases += 1;
      if (this.#aliases > MOST_ALIASES) throw new Endless('its aliases expand too far; write them out');
      return this.read(node.target());
    }
    if (this.#open.has(node)) throw new Endless('an alias leads back to itself');
    this.#open.add(node);
    const value = node.type === 'sequence' ? node.items.map((item) => this.read(item)) : this.#mapping(node);
    this.#open.delete(node);
    return value;
  }

  #mapping({ pairs }: Mapping): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const { key, value: child } of pairs) {
      if (isMergeKey(key)) Object.assign(value, ...this.#merged(child));
      else if (key.type !== 'scalar' || key.text !== '__proto__')
        value[keyText(key) ?? ''] = this.read(child);
    }
    return value;
  }

  /** The mappings that a merge key brings. Of several the first counts. */
  #merged(node: Node): unknown[] {
    const source = follow(node);
    const mappings = source?.type === 'sequence' ? source.items.toReversed() : [node];
    return mappings.map((mapping) => this.read(mapping));
  }
}

export const isMergeKey = (key: Node) => key.type === 'scalar' && key.style === '' && key.text === '<<';

/** A key's text; undefined for a collection. */
export function keyText(key: Node): string | undefined {
  const node = follow(key);
  return node?.type === 'scalar' ? node.text : undefined;
}

const NULL = new Set(['', '~', 'null', 'Null', 'NULL']);
/** go-yaml v2 (resolve.go) has the booleans of YAML 1.1. */
const TRUE = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']);
const FALSE = new Set(['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']);
const NUMBER =
  /^[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))$|^\.(nan|NaN|NAN)$/;
const TEXT_TAGS = new Set(['!', '!!str', '!<tag:yaml.org,2002:str>']);

function scalarValue({ style, text, tag }: Scalar): unknown {
  if (tag === '!!binary') return BINARY;
  if (style !== '' || (tag !== undefined && TEXT_TAGS.has(tag))) return text;
  if (NULL.has(text)) return null;
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  // Most scalars are words.
  if (!/^[-+.0-9]/.test(text)) return text;
  return NUMBER.test(text) ? Number(text.replaceAll('_', '')) : text;
}

/** In place of bytes in base64, which aren't text as it is written. */
const BINARY = Symbol('binary');

/** A scalar's text, if Go would read a string. */
export function stringValue(scalar: Scalar): string | undefined {
  const value = scalarValue(scalar);
  return typeof value === 'string' ? value : undefined;
}
