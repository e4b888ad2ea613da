/** The value of a JSON text; undefined if it is invalid. The parser's own error would quote the text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What {@link JSON.stringify} leaves as it is, and a terminal would interpret or hide; and GitHub's `##[error]`. */
const LEFT = /[\u007f-\u009f\p{Cf}\u2028\u2029]|#(?=#\[)/gu;

/** JSON for a person or a program to read: a value in indented lines, whatever is in its texts. */
export function printJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2);
  const units = (found: string) =>
    Array.from(
      { length: found.length },
      (_, index) => `\\u${found.charCodeAt(index).toString(16).padStart(4, '0')}`,
    );
  return `${text.replace(LEFT, (found) => units(found).join(''))}\n`;
}
