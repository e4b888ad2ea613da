/** Nobody waits for longer, so more is as good as this. */
const MAXIMUM_S = 24 * 60 * 60;

/**
 * What a `Retry-After` header asks for, in whole seconds from `now`: it may hold seconds or a date (RFC 9110, 10.2.3).
 * Undefined where it makes no sense, as where it asks for the past.
 */
export function readRetryAfter(header: string | string[] | undefined, now = Date.now()): number | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000);
  return seconds >= 0 ? Math.min(seconds, MAXIMUM_S) : undefined;
}
