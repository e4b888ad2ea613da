import type { IncomingMessage, ServerResponse } from 'node:http';

/** The bytes of a body, as far as its request says; otherwise `limit`. */
export function bodyLength({ headers }: IncomingMessage, limit: number): number {
  const length = Number(headers['content-length'] ?? Number.NaN);
  return Number.isNaN(length) ? limit : Math.min(length, limit);
}

/** How long a connection is kept that is still sending after its answer. */
const LINGER_MS = 1_000;

/**
 * Tells the API server to send a review again. It does so after the seconds of `Retry-After`, up to ten times within its
 * own timeout, whatever the failure policy (client-go rest/with_retry.go), where a late answer is a call that failed.
 * It uses another connection for that, which may lead to another replica.
 *
 * The answer is sent at once, so that the API server needn't send the rest of a large body. What is already on its way isn't
 * read, because reading and decrypting it for hundreds of refused reviews would take the time of the others. But closing a
 * connection with unread data resets it, and the answer may be lost: so it is kept for a while.
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
