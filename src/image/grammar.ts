import { type Digest, InvalidDigest, parseDigest } from './digest.ts';
import { InvalidReference } from './invalid-reference.ts';

/** The parts of a reference. */
export interface ReferenceParts {
  /** The registry's host and port; empty if the text names none. */
  readonly domain: string;
  /** The repository, without the registry. */
  readonly path: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

// distribution/reference v0.6.0, regexp.go. Go's `\w` and `[[:xdigit:]]` are ASCII, and so are these without the flags `i`
// and `u`. Each is anchored and matches in at most one way, so it takes linear time.
const HOST_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const IPV6 = '\\[[a-fA-F0-9:]+\\]';
const DOMAIN = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|${IPV6})(?::[0-9]+)?$`);
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** The limit for the path alone; before v0.6.0 the domain counted too. */
const LONGEST_PATH = 255;

/**
 * Parses a reference by the grammar alone (distribution/reference v0.6.0, `Parse`): `nginx` has no domain.
 *
 * @param original the text as written, which errors show instead of `text`
 * @throws {InvalidReference} with the reason.
 */
export function matchReference(text: string, original = text): ReferenceParts {
  if (text === '') throw new InvalidReference(original, 'empty');
  const parts = matchGrammar(text);
  if (parts === undefined) {
    const fault = hasUpperCase(text) && matchGrammar(text.toLowerCase()) ? 'uppercase' : 'format';
    throw new InvalidReference(original, fault);
  }
  if (parts.path.length > LONGEST_PATH) throw new InvalidReference(original, 'too_long');
  return { ...parts, digest: validDigest(parts.digest, original) };
}

/**
 * Splits a reference at the only places that the grammar allows: the digest begins at the first `@`, the tag at the first
 * `:` after the last `/` before that. Doesn't validate the parts.
 */
export function splitReference(text: string): { name: string; tag?: string; digest?: string } {
  const [named, digest] = cut(text, text.indexOf('@'));
  const [name, tag] = cut(named, named.indexOf(':', named.lastIndexOf('/') + 1));
  return { name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** Whether `text` has upper case, which to distribution/reference means that lower-casing changes it. */
export function hasUpperCase(text: string): boolean {
  return text.toLowerCase() !== text;
}

interface UncheckedParts extends Omit<ReferenceParts, 'digest'> {
  readonly digest: string | undefined;
}

function matchGrammar(text: string): UncheckedParts | undefined {
  const { name, tag, digest } = splitReference(text);
  if (tag !== undefined && !TAG.test(tag)) return undefined;
  if (digest !== undefined && !DIGEST.test(digest)) return undefined;
  const [domain, path] = cut(name, name.indexOf('/'));
  if (path !== undefined && DOMAIN.test(domain) && PATH.test(path)) return { domain, path, tag, digest };
  return PATH.test(name) ? { domain: '', path: name, tag, digest } : undefined;
}

function validDigest(digest: string | undefined, original: string): Digest | undefined {
  try {
    return digest === undefined ? undefined : parseDigest(digest);
  } catch (cause) {
    if (cause instanceof InvalidDigest) throw new InvalidReference(original, cause.reason, cause);
    throw cause;
  }
}

/** The text before and after the character at `index`; the whole text for -1. */
function cut(text: string, index: number): [before: string, after?: string] {
  return index === -1 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
