const LIMIT = 100;

/**
 * Untrusted text for a message: at most 100 characters, without any that a terminal or a log would interpret or hide
 * (control characters, line separators, text direction, lone surrogates).
 */
export function excerpt(text: string): string {
  const shown = printable(text.slice(0, LIMIT));
  return text.length <= LIMIT && shown.length <= LIMIT ? shown : `${shown.slice(0, LIMIT - 1)}…`;
}

/** The whole text, with the characters that a terminal or a log would interpret or hide escaped. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
