const GAP = '   ';

/** A table like kubectl's: every cell is padded to its column's width, except a line's last. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines
    .map((cells) => `${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(GAP)}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
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
