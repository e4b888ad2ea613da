/** What a place in a pattern accepts: any run of characters, or one character that passes a test. */
type Term = '*' | ((character: string) => boolean);

/**
 * Whether a glob matches all of `text`: Go's `filepath.Match`, for ASCII text without path separators. `*` is
 * any characters, `?` is one, `[a-z]` and `[^a-z]` are one of a class, `\` takes the next character
 * literally.
 *
 * A pattern with a syntax error matches nothing, which is what the kubelet makes of Go's `ErrBadPattern`. The
 * time it takes grows at most with the product of both lengths.
 */
export function globMatch(pattern: string, text: string): boolean {
  const terms = parse(pattern);
  return terms !== undefined && matches(terms, [...text]);
}

/** When stuck, lets the last star take one character more. What earlier stars took never needs to change. */
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

/** The terms of a pattern; undefined if its syntax is wrong. */
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

/** Of a single character, or of one behind a backslash. */
function codePoint(member: string): number {
  return member.codePointAt(member.length > 1 && member.startsWith('\\') ? 1 : 0) ?? 0;
}
