import { codeOf } from '../../system-error.ts';

/** The most that is shown of an SDK's message, which may quote anything a server answered. */
const MAX_LENGTH = 200;

/**
 * The message of an SDK's error, in one line, without anything that could be a token. The error itself must not become
 * a `cause`: SDKs attach requests and responses to theirs, headers and tokens included.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed for no reason given';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer in time';
  const line = redact((error.message.trim() || (codeOf(error) ?? '')).split(/[\r\n]/, 1)[0] ?? '').trim();
  const text = line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
  const name = error.name === 'Error' || text.startsWith(error.name) ? '' : error.name;
  return [name, text].filter((part) => part !== '').join(': ') || 'it failed for no reason given';
}

/** Whether there was no response at all, so that the network is at fault and not a permission. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    ['TimeoutError', 'AbortError'].includes(error.name) || /^(E[A-Z]{3,}|UND_ERR_)/.test(codeOf(error) ?? '')
  );
}

/** Removes JSON web tokens, and long runs of characters that mix lower case, upper case and digits. */
function redact(text: string): string {
  return text
    .replace(/eyJ[\w-]*(?:\.[\w-]*)*/g, '…')
    .replace(/[\w+/=.-]{32,}/g, (run) =>
      /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run) ? '…' : run,
    );
}
