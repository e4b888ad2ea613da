const LIMIT = 100;

/**
 * Foreign text as a message may show it: at most 100 characters, and none that a terminal or a log would obey
 * or hide (control characters, line separators, text direction, halves of surrogate pairs).
 */
export function excerpt(text: string): string {
  const shown = printable(text.slice(0, LIMIT));
  return text.length <= LIMIT && shown.length <= LIMIT ? shown : `${shown.slice(0, LIMIT - 1)}…`;
}

/** The whole of it, with what a terminal or a log would obey or hide escaped. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
