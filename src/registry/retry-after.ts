/** Nobody waits for longer than this, and whoever says so means something else. */
const LONGEST_S = 24 * 60 * 60;
/** RFC 9110, 5.6.7: the form that senders have to use. Everything else that `Date` reads is a guess. */
const DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Seconds from `now` that a `Retry-After` header asks to wait, whether it gives them or a date (RFC 9110, 10.2.3);
 * at most a day. Undefined when it says nothing of use: nothing, nonsense, or a time that is over.
 */
export function readRetryAfter(header: string | string[] | undefined, now = Date.now()): number | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text), LONGEST_S);
  const seconds = DATE.test(text) ? Math.ceil((Date.parse(text) - now) / 1000) : 0;
  return seconds > 0 ? Math.min(seconds, LONGEST_S) : undefined;
}
