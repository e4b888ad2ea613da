/** What is known of the request that a match condition judges: `request.namespace`, for example. */
export type KnownValues = Readonly<Record<string, string>>;

/**
 * The truth of a match condition, as far as it follows from these values; undefined if it depends on anything else, or isn't
 * understood. This is the logic of CEL for the conditions that choose namespaces: `&&`, `||`, `!`, `?:`, comparisons with
 * texts, and `in` (cel-spec doc/langdef.md; an operand that isn't known doesn't matter where the other decides).
 */
export function truthOf(expression: string, known: KnownValues): boolean | undefined {
  const text = expression.trim();
  const parts = partsOf(text);
  if (parts === undefined) return undefined;
  const { ternary, or, and } = parts;
  if (ternary !== undefined) {
    const [condition, yes, no] = ternary;
    const which = truthOf(condition, known);
    return which === undefined
      ? agreed(truthOf(yes, known), truthOf(no, known))
      : truthOf(which ? yes : no, known);
  }
  if (or.length > 1) return decided(or, true, known);
  if (and.length > 1) return decided(and, false, known);
  if (text.startsWith('!')) return negated(truthOf(text.slice(1), known));
  if (text.startsWith('(') && closes(text)) return truthOf(text.slice(1, -1), known);
  return comparison(text, known);
}

/** The operands' common truth: one of them decides if it is `deciding`; else all of them have to be known. */
function decided(operands: readonly string[], deciding: boolean, known: KnownValues): boolean | undefined {
  const truths = operands.map((operand) => truthOf(operand, known));
  if (truths.includes(deciding)) return deciding;
  return truths.includes(undefined) ? undefined : !deciding;
}

const agreed = (a: boolean | undefined, b: boolean | undefined) => (a === b ? a : undefined);
const negated = (truth: boolean | undefined) => (truth === undefined ? undefined : !truth);

const TEXT = String.raw`'[^'\\]*'|"[^"\\]*"`;
const VALUE = String.raw`[a-zA-Z_][\w.]*|${TEXT}`;
const EQUATION = new RegExp(`^(${VALUE})\\s*(==|!=)\\s*(${VALUE})$`);
const MEMBERSHIP = new RegExp(`^(${VALUE})\\s+in\\s+\\[\\s*((?:(?:${TEXT})\\s*,?\\s*)*)\\]$`);
const METHOD = new RegExp(`^([a-zA-Z_][\\w.]*)\\.(startsWith|endsWith|contains)\\(\\s*(${TEXT})\\s*\\)$`);
const TEXTS = new RegExp(TEXT, 'g');

function comparison(text: string, known: KnownValues): boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  const read = (operand = '') => {
    if (/^['"]/.test(operand)) return operand.slice(1, -1);
    return Object.hasOwn(known, operand) ? known[operand] : undefined;
  };
  const [, left, equality, right] = EQUATION.exec(text) ?? [];
  if (equality !== undefined) {
    const [a, b] = [read(left), read(right)];
    return a === undefined || b === undefined ? undefined : (a === b) === (equality === '==');
  }
  const [, member, list] = MEMBERSHIP.exec(text) ?? [];
  if (list !== undefined) {
    const value = read(member);
    return value === undefined ? undefined : (list.match(TEXTS) ?? []).map(read).includes(value);
  }
  const [, subject, method, argument] = METHOD.exec(text) ?? [];
  const [value, other] = [read(subject), read(argument)];
  if (value === undefined || other === undefined) return undefined;
  if (method === 'startsWith') return value.startsWith(other);
  return method === 'endsWith' ? value.endsWith(other) : value.includes(other);
}

interface Parts {
  ternary: readonly [string, string, string] | undefined;
  or: readonly string[];
  and: readonly string[];
}

/** A text, whole, or any character. */
const TOKEN = /r?'''.*?'''|r?""".*?"""|r'[^']*'|r"[^"]*"|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|&&|\|\||./gs;

/** The operands of the operator that binds least, outside of brackets and texts; undefined if brackets don't match. */
function partsOf(text: string): Parts | undefined {
  let depth = 0;
  let [or, and]: [number[], number[]] = [[], []];
  let question: number | undefined;
  let colon: number | undefined;
  let nested = 0;
  let before = '';
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if ('([{'.includes(token)) depth += 1;
    else if (')]}'.includes(token)) depth -= 1;
    if (depth < 0) return undefined;
    if (depth === 0) {
      // `.?field` is an optional field, not a choice.
      if (token === '?' && before !== '.') {
        if (question === undefined) question = index;
        else nested += 1;
      } else if (token === ':' && question !== undefined && colon === undefined) {
        if (nested === 0) colon = index;
        else nested -= 1;
      } else if (token === '||') or = [...or, index];
      else if (token === '&&') and = [...and, index];
    }
    before = token;
  }
  if (depth !== 0) return undefined;
  const ternary =
    question === undefined || colon === undefined
      ? undefined
      : ([text.slice(0, question), text.slice(question + 1, colon), text.slice(colon + 1)] as const);
  return { ternary, or: cut(text, or), and: cut(text, and) };
}

/** The text between operators of two characters. */
function cut(text: string, at: readonly number[]): string[] {
  return [...at, text.length].map((end, index) =>
    text.slice(index === 0 ? 0 : (at[index - 1] ?? 0) + 2, end),
  );
}

/** Whether the bracket at the start closes at the end. */
function closes(text: string): boolean {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    if (depth === 0) return index === text.length - 1;
  }
  return false;
}
