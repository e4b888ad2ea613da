/** A document that can't be read. The message says why, and what to do. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
  /** Where, as in `slice`. */
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Line ends of go-yaml (yamlprivateh.go, `is_break`). A text is given to the parser with all of them as a newline or
 * carriage return and newline: see `normalized`.
 */
const OTHER_BREAKS = /\r(?!\n)|[\u0085\u2028\u2029]/g;

/**
 * The text with newlines for other line ends, and without byte order marks at the beginnings of its other
 * lines, as joined files have them. All else keeps its place.
 */
export function normalized(text: string): string {
  const withNewlines = /[\r\u0085\u2028\u2029]/.test(text) ? text.replace(OTHER_BREAKS, '\n') : text;
  if (!withNewlines.includes('\uFEFF')) return withNewlines;
  return withNewlines.replace(/(\r?\n)\uFEFF/g, ' $1');
}

/** Joins the lines of a flow scalar: a line end is a space, an empty line is a newline. */
export function folded(text: string): string {
  if (!text.includes('\n')) return text;
  return text.replace(/[ \t]*\r?\n([ \t]*\r?\n)*[ \t]*/g, (gap) => {
    const lines = gap.split('\n').length - 1;
    return lines === 1 ? ' ' : '\n'.repeat(lines - 1);
  });
}

const escapes: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  N: '\u0085',
  _: '\u00a0',
  L: '\u2028',
  P: '\u2029',
};
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\r?\n[ \t]*|([\s\S]))/g;

/** The content of a double-quoted scalar. */
export function unquoteDouble(content: string): string {
  if (!content.includes('\\')) return folded(content);
  // A line end behind a backslash isn't folded, nor is space that is written as an escape.
  return folded(content.replace(/\\\r?\n[ \t]*/g, '\\\uE000')).replace(
    ESCAPE,
    (_, x?: string, u?: string, long?: string, single?: string) => {
      const code = x ?? u ?? long;
      if (code !== undefined) return characterOf(Number.parseInt(code, 16));
      if (single === '\uE000') return '';
      return escapes[single ?? ''] ?? single ?? '';
    },
  );
}

const characterOf = (code: number) => (code > 0x10ffff ? '\uFFFD' : String.fromCodePoint(code));

/** The content of a single-quoted scalar. */
export const unquoteSingle = (content: string) => folded(content.replaceAll("''", "'"));
