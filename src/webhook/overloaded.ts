import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a body may come to, as far as its request says; `limit` where it doesn't. */
export function bodyLength({ headers }: IncomingMessage, limit: number): number {
  const length = Number(headers['content-length'] ?? Number.NaN);
  return Number.isNaN(length) ? limit : Math.min(length, limit);
}

/** So long the connection of whoever has had his answer and is still sending is kept. */
const LINGER_MS = 1_000;

/**
 * Tells the API server to send a review again. It does so after the seconds of `Retry-After`, up to ten times within its
 * own timeout, whatever the failure policy (client-go rest/with_retry.go), where a late answer is a call that failed.
 * On another connection, which may be to another replica.
 *
 * At once, so that the API server can spare itself the rest of a large body. What of it is on its way isn't read: with
 * hundreds that are turned away, reading and decrypting that would take the time of those who are let in. But a connection
 * that is closed with something in it unread is reset, and its answer may be lost by that: hence it is kept for a while.
 */
export function respondOverloaded(request: IncomingMessage, response: ServerResponse): void {
  const text = 'tagpin has more to do than it can do in time\n';
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(text) };
  response.writeHead(503, { ...headers, 'Retry-After': '1', Connection: 'close' }).write(text);
  if (request.readableEnded) {
    response.end();
    return;
  }
  const timer = setTimeout(() => response.end(), LINGER_MS);
  response.once('close', () => clearTimeout(timer));
}
