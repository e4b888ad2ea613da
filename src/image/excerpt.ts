import { printable } from '../printable.ts';

const LIMIT = 100;

/**
 * Untrusted text for a message: at most 100 characters, without any that a terminal or a log would interpret or hide
 * (control characters, line separators, text direction, lone surrogates).
 */
export function excerpt(text: string): string {
  const shown = printable(text.slice(0, LIMIT));
  return text.length <= LIMIT && shown.length <= LIMIT ? shown : `${shown.slice(0, LIMIT - 1)}…`;
}
