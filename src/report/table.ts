import { printable } from '../printable.ts';

/** The gaps between columns, in the order in which they are tried. */
const GAPS = ['   ', '  ', ' '] as const;

/** A column isn't cut to less than its heading, or this. */
const LEAST = 8;

/**
 * A table like kubectl's: every cell is padded to its column's width, except a line's last. Cells may have any text.
 *
 * @param width the number of characters that a line may have: then gaps become narrower, and after that the widest cells are cut
 * in their middle. By default they are as wide as they are.
 */
export function printTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const lines = [headings, ...rows.map((cells) => cells.map(printable))];
  let widths = headings.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  const sum = () => widths.reduce((total, one) => total + one, 0);
  const gapsIn = (gap: string) => gap.length * (headings.length - 1);
  const gap = GAPS.find((one) => sum() + gapsIn(one) <= width) ?? ' ';
  while (sum() + gapsIn(gap) > width) {
    const most = Math.max(
      ...widths.filter((one, column) => one > Math.max(LEAST, headings[column]?.length ?? 0)),
    );
    const column = widths.indexOf(most);
    if (column < 0) break;
    widths = widths.with(column, most - 1);
  }
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cut(cell, widths[column] ?? 0).padEnd(widths[column] ?? 0))
        .join(gap)
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** The text with an ellipsis for its middle, because the ends tell names apart. */
function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const start = Math.ceil((width - 1) / 2);
  return `${text.slice(0, start)}…${text.slice(text.length - (width - 1 - start))}`;
}

/** The text in lines of this width, each with the indentation. Only a word that is longer than a line is broken. */
export function wrap(text: string, width: number, indentation = ''): string {
  const room = width - indentation.length;
  const pieces = new RegExp(`\\S{1,${room}}`, 'g');
  const lines: string[] = [];
  for (const word of text.match(pieces) ?? []) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => `${indentation}${line}\n`).join('');
}

/** A cell that a spreadsheet would read as a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** CSV by RFC 4180, with a row of headings. No cell is read as a formula. */
export function printCsv(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return [headings, ...rows].map((cells) => `${cells.map(quote).join(',')}\r\n`).join('');
}

function quote(cell: string): string {
  const safe = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const LONG_DIGEST = /\b(sha256|sha512):([0-9a-f]{12})[0-9a-f]{52,}\b/g;

/** The text with digests of 12 hexadecimal digits, which still tell images apart. JSON output has whole ones. */
export const shortenDigests = (text: string) => text.replaceAll(LONG_DIGEST, '$1:$2');
