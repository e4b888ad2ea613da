/** A replacement of a part of a text, with `start` and `end` as in `slice`. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** A scalar in a text. */
export interface Span {
  start: number;
  end: number;
  /** Its value; undefined if it isn't a string. */
  value: string | undefined;
}

/** Two different edits of the same part. */
export class Overlap extends Error {
  override readonly name = 'Overlap';
}

/**
 * Applies edits to a text. An edit given twice counts once.
 *
 * @throws Overlap
 */
export function splice(text: string, edits: readonly Edit[]): string {
  const sorted = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  const parts: string[] = [];
  let last: Edit = { start: 0, end: 0, text: '' };
  for (const edit of sorted) {
    if (edit.start === last.start && edit.end === last.end && edit.text === last.text && parts.length > 0)
      continue;
    if (edit.start < last.end) throw new Overlap('two changes of the same part');
    parts.push(text.slice(last.end, edit.start), edit.text);
    last = edit;
  }
  return parts.join('') + text.slice(last.end);
}

/** Replaces a scalar's value in its style: plain, quoted, or a block. The new value mustn't need escapes. */
export function replaceScalar(text: string, { start, end, value }: Span, by: string): Edit {
  const source = text.slice(start, end);
  // The last occurrence, because a block's header may have a comment.
  const at = value === undefined || value === '' ? -1 : source.lastIndexOf(value);
  if (at !== -1) return { start: start + at, end: start + at + (value?.length ?? 0), text: by };
  // A value with escapes, over several lines, or empty.
  const [quote] = /^["']/.exec(source) ?? [''];
  const gap = source === '' && text[start - 1] === ':' ? ' ' : '';
  return { start, end, text: `${gap}${quote}${by}${quote}` };
}

/** A key and its value in a text. */
export interface PairSpan {
  /** Offsets of the key's first character and of the value's end. */
  start: number;
  end: number;
  /** The key's quotation mark, or empty. */
  quote: string;
  /** Whether the map is in braces. */
  isFlow: boolean;
}

/** Inserts a pair after another in a map, in the same layout. */
export function insertAfter(
  text: string,
  { start, end, quote, isFlow }: PairSpan,
  key: string,
  value: string,
): Edit {
  const pair = `${quote}${key}${quote}: ${quote}${value}${quote}`;
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const before = text.slice(lineStart, start);
  const lineEnd = endOfLine(text, start);
  if (isFlow) {
    const isOnOwnLine = lineStart > 0 && before.trim() === '';
    return { start: end, end, text: isOnOwnLine ? `,${lineEnd}${before}${pair}` : `, ${pair}` };
  }
  // The keys of a map have the same column, also after a list's dashes, with a question mark, or before an anchor.
  const [margin = ''] = /^[\t ]*(-[\t ]+)*/.exec(before.replace(/^\uFEFF/, '')) ?? [];
  const indent = margin.replaceAll('-', ' ');
  if (text[end - 1] === '\n') return { start: end, end, text: `${indent}${pair}${lineEnd}` };
  const newline = text.indexOf('\n', end);
  if (newline === -1) return { start: text.length, end: text.length, text: `${lineEnd}${indent}${pair}` };
  const at = text[newline - 1] === '\r' ? newline - 1 : newline;
  return { start: at, end: at, text: `${lineEnd}${indent}${pair}` };
}

/** Removes a pair from a map, with its line, or in braces with the comma before it. */
export function removePair(
  text: string,
  { start, end, isFlow }: Pick<PairSpan, 'start' | 'end' | 'isFlow'>,
): Edit {
  if (isFlow) {
    const comma = /,\s*$/.exec(text.slice(0, start))?.index ?? start;
    return { start: comma, end, text: '' };
  }
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const newline = text.indexOf('\n', end);
  return { start: lineStart, end: newline === -1 ? text.length : newline + 1, text: '' };
}

/** The line ending at an offset, or of the previous line if the last one has none. */
export function endOfLine(text: string, offset: number): string {
  const next = text.indexOf('\n', offset);
  const newline = next === -1 ? text.lastIndexOf('\n', offset) : next;
  return newline > 0 && text[newline - 1] === '\r' ? '\r\n' : '\n';
}
