/** A term of a pattern: any run of characters, or one character that passes a test. */
type Term = '*' | ((character: string) => boolean);

/**
 * Whether a glob matches all of `text`: Go's `filepath.Match`, for ASCII text without path separators. `*` matches any
 * characters, `?` one character, `[a-z]` and `[^a-z]` one of a class; `\` makes the next character literal.
 *
 * A pattern with a syntax error matches nothing, as in the kubelet, which ignores Go's `ErrBadPattern`. Takes time at most
 * proportional to the product of both lengths.
 */
export function globMatch(pattern: string, text: string): boolean {
  const terms = parse(pattern);
  return terms !== undefined && matches(terms, [...text]);
}

/** Backtracks only to the last star, which then takes one character more; earlier stars never need to change. */
function matches(terms: readonly Term[], characters: readonly string[]): boolean {
  let term = 0;
  let position = 0;
  let afterStar: { term: number; position: number } | undefined;
  for (;;) {
    const expected = terms[term];
    const character = characters[position];
    if (expected === '*') {
      term += 1;
      afterStar = { term, position };
    } else if (expected === undefined && character === undefined) {
      return true;
    } else if (expected !== undefined && character !== undefined && expected(character)) {
      term += 1;
      position += 1;
    } else if (afterStar !== undefined && afterStar.position < characters.length) {
      afterStar.position += 1;
      ({ term, position } = afterStar);
    } else {
      return false;
    }
  }
}

const MEMBER = String.raw`(?:\\.|[^\\\]-])`;
const RANGE = `${MEMBER}(?:-${MEMBER})?`;
const CLASS = String.raw`\[(?<sign>\^|(?!\^))(?<ranges>(?:${RANGE})+)\]`;
const TERM = new RegExp(
  String.raw`(?<star>\*+)|(?<any>\?)|${CLASS}|\\(?<escaped>.)|(?<literal>[^\\[])`,
  'gsuy',
);

/** The terms of a pattern; undefined if its syntax is invalid. */
function parse(pattern: string): Term[] | undefined {
  const terms: Term[] = [];
  let end = 0;
  for (const match of pattern.matchAll(TERM)) {
    end += match[0].length;
    terms.push(toTerm(match.groups ?? {}));
  }
  return end === pattern.length ? terms : undefined;
}

function toTerm({ star, any, sign, ranges, escaped, literal }: Partial<Record<string, string>>): Term {
  if (star !== undefined) return '*';
  if (any !== undefined) return () => true;
  if (ranges === undefined) return (character) => character === (escaped ?? literal);
  const inClass = parseRanges(ranges);
  return (character) => inClass(character) !== (sign === '^');
}

function parseRanges(ranges: string): (character: string) => boolean {
  const bounds = Array.from(ranges.matchAll(new RegExp(RANGE, 'gsuy')), ([range]) => {
    const [low = '', high = low] = Array.from(
      range.matchAll(new RegExp(MEMBER, 'gsu')),
      ([member]) => member,
    );
    return { low: codePoint(low), high: codePoint(high) };
  });
  return (character) =>
    bounds.some(({ low, high }) => low <= codePoint(character) && codePoint(character) <= high);
}

/** The code point of a character, which may have a backslash before it. */
function codePoint(member: string): number {
  return member.codePointAt(member.length > 1 && member.startsWith('\\') ? 1 : 0) ?? 0;
}
