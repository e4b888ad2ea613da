import type { Cursor } from './cursor.ts';
import type { Scalar } from './node.ts';
import { Malformed } from './scalars.ts';

/** How a block scalar ends, and how far it is indented, by its header: `|2-`. */
interface BlockHeader {
  style: '|' | '>';
  chomping: '' | '-' | '+';
  /** Columns more than the parent's; undefined if the first line says it. */
  indent: number | undefined;
}

/**
 * A scalar in lines below its header: `|`, `>` (go-yaml v2, scannerc.go, `yaml_parser_scan_block_scalar`).
 *
 * @param parent the column of the collection that it is in, or -1
 */
export function blockScalar(cursor: Cursor, parent: number, tag: string | undefined): Scalar {
  const start = cursor.position;
  const header = readHeader(cursor);
  let indent = header.indent === undefined ? undefined : Math.max(parent, 0) + header.indent;
  const lines: string[] = [];
  let widest = 0;
  for (; !cursor.isAtEnd; cursor.skipLine()) {
    const line = cursor.text.slice(cursor.position, cursor.lineEnd).replace(/\r$/, '');
    const spaces = /^ */.exec(line)?.[0].length ?? 0;
    const isEmpty = spaces === line.length;
    if (indent === undefined && isEmpty) widest = Math.max(widest, spaces);
    else indent ??= Math.max(widest, spaces, parent + 1, 1);
    if (!isEmpty && indent !== undefined && spaces < indent) break;
    lines.push(line.slice(indent ?? line.length));
  }
  const text = blockText(lines, header);
  return { type: 'scalar', style: header.style, text, tag, start, end: cursor.position };
}

/** Moves to the first line of a block scalar. */
function readHeader(cursor: Cursor): BlockHeader {
  const line = cursor.text.slice(cursor.position, cursor.lineEnd);
  const [, style, indicators = ''] = /^([|>])([-+0-9]*)[ \t]*(?:#.*)?\r?$/.exec(line) ?? [];
  if (style === undefined)
    throw new Malformed(cursor.position, "text can't begin on this line; begin it on the next, indented");
  const digit = /[1-9]/.exec(indicators)?.[0];
  const chomping = indicators.includes('-') ? '-' : indicators.includes('+') ? '+' : '';
  cursor.skipLine();
  return {
    style: style === '|' ? '|' : '>',
    chomping,
    indent: digit === undefined ? undefined : Number(digit),
  };
}

/** The text of a block scalar's lines, without their indentation. */
function blockText(lines: readonly string[], { style, chomping }: BlockHeader): string {
  let last = lines.length;
  while (last > 0 && lines[last - 1] === '') last -= 1;
  const content = lines.slice(0, last);
  const end = chomping === '-' || last === 0 ? '' : '\n';
  const kept = chomping === '+' ? '\n'.repeat(lines.length - last) : '';
  return (style === '|' ? content.join('\n') : foldedBlock(content)) + end + kept;
}

/** Joins lines by spaces, except those that are indented further. */
function foldedBlock(lines: readonly string[]): string {
  let text = '';
  let before: string | undefined;
  let empty = 0;
  for (const line of lines) {
    if (line === '') {
      empty += 1;
      continue;
    }
    const isIndented = /^[ \t]/.test(line) || (before !== undefined && /^[ \t]/.test(before));
    if (before === undefined) text += '\n'.repeat(empty);
    else if (isIndented) text += '\n'.repeat(empty + 1);
    else text += empty === 0 ? ' ' : '\n'.repeat(empty);
    text += line;
    before = line;
    empty = 0;
  }
  return text;
}
