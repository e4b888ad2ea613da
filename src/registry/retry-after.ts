/** Longer waits are cut to this. */
const MAXIMUM_S = 24 * 60 * 60;

/**
 * The wait that a `Retry-After` header asks for, in whole seconds from `now`: it holds seconds or a date (RFC 9110,
 * 10.2.3). Undefined if it is invalid or in the past.
 */
export function readRetryAfter(header: string | string[] | undefined, now = Date.now()): number | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000);
  return seconds >= 0 ? Math.min(seconds, MAXIMUM_S) : undefined;
}
