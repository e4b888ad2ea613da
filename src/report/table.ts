const GAP = '   ';

/** Columns under their headings, as kubectl prints them: every cell but a line's last as wide as its column. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines
    .map((cells) => `${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(GAP)}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}
