import { codeOf } from '../../system-error.ts';

/** The longest that is told of an SDK's message, which may quote whatever a server answered. */
const MAX_LENGTH = 200;

/**
 * What an SDK's error says, in one line, without anything that could be a token. The error itself is never passed on
 * as a cause: SDKs attach requests and answers to theirs, headers and tokens included.
 */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed for no reason given';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer in time';
  const line = redact((error.message.trim() || (codeOf(error) ?? '')).split(/[\r\n]/, 1)[0] ?? '').trim();
  const text = line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
  const name = error.name === 'Error' || text.startsWith(error.name) ? '' : error.name;
  return [name, text].filter((part) => part !== '').join(': ') || 'it failed for no reason given';
}

/** Whether there was no answer at all, which no permission mends. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    ['TimeoutError', 'AbortError'].includes(error.name) || /^(E[A-Z]{3,}|UND_ERR_)/.test(codeOf(error) ?? '')
  );
}

/** Takes out JSON web tokens and long runs of characters in which lower case, upper case and digits are mixed. */
function redact(text: string): string {
  return text
    .replace(/eyJ[\w-]*(?:\.[\w-]*)*/g, '…')
    .replace(/[\w+/=.-]{32,}/g, (run) =>
      /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run) ? '…' : run,
    );
}
