/** A part of a text that becomes another: `start` and `end` as in `slice`. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** A scalar as it stands in a text. */
export interface Span {
  start: number;
  end: number;
  /** What it says; undefined if it says nothing. */
  value: string | undefined;
}

/** Thrown for two edits of the same part that don't agree. */
export class Overlap extends Error {
  override readonly name = 'Overlap';
}

/**
 * The text with its edits; all else stays as it is. An edit given twice counts once.
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

/** Has a scalar say something else, in the way it says it now: plain, in quotes, as a block. The value needs no escapes. */
export function replaceScalar(text: string, { start, end, value }: Span, by: string): Edit {
  const source = text.slice(start, end);
  // The last: a block's heading may have a comment.
  const at = value === undefined || value === '' ? -1 : source.lastIndexOf(value);
  if (at !== -1) return { start: start + at, end: start + at + (value?.length ?? 0), text: by };
  // Escapes, or a string broken over lines, or nothing at all.
  const [quote] = /^["']/.exec(source) ?? [''];
  const gap = source === '' && text[start - 1] === ':' ? ' ' : '';
  return { start, end, text: `${gap}${quote}${by}${quote}` };
}

/** A key with its value in a map, as they stand in a text. */
export interface PairSpan {
  /** The key's first character, and the value's end. */
  start: number;
  end: number;
  /** What the key is quoted with; empty if with nothing. */
  quote: string;
  /** Whether its map is written in braces. */
  isFlow: boolean;
}

/** Writes another key and its value behind a pair of a map, laid out as that is. */
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
  // Keys of a map stand one below another: behind the dashes of lists, at a question mark, before an anchor.
  const [margin = ''] = /^[\t ]*(-[\t ]+)*/.exec(before.replace(/^\uFEFF/, '')) ?? [];
  const indent = margin.replaceAll('-', ' ');
  if (text[end - 1] === '\n') return { start: end, end, text: `${indent}${pair}${lineEnd}` };
  const newline = text.indexOf('\n', end);
  if (newline === -1) return { start: text.length, end: text.length, text: `${lineEnd}${indent}${pair}` };
  const at = text[newline - 1] === '\r' ? newline - 1 : newline;
  return { start: at, end: at, text: `${lineEnd}${indent}${pair}` };
}

/** What ends the line at an offset, or the line before if that is the last and has no end. */
export function endOfLine(text: string, offset: number): string {
  const next = text.indexOf('\n', offset);
  const newline = next === -1 ? text.lastIndexOf('\n', offset) : next;
  return newline > 0 && text[newline - 1] === '\r' ? '\r\n' : '\n';
}
