import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a body may come to, as far as its request says; `limit` where it doesn't. */
export function bodyLength({ headers }: IncomingMessage, limit: number): number {
  const length = Number(headers['content-length'] ?? Number.NaN);
  return Number.isNaN(length) ? limit : Math.min(length, limit);
}

/**
 * Tells the API server to send a review again. It does so after the seconds of `Retry-After`, up to ten times within its
 * own timeout, whatever the failure policy (client-go rest/with_retry.go), where a late answer is a call that failed.
 * On another connection, which may be to another replica.
 *
 * Not before the body has come: whose connection is closed while he is still sending may never see the answer.
 */
export function turnAway(request: IncomingMessage, response: ServerResponse): void {
  const answer = () => {
    const text = 'tagpin has more to do than it can do in time\n';
    const headers = {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
    };
    response.writeHead(503, { ...headers, 'Retry-After': '1', Connection: 'close' }).end(text);
  };
  if (request.readableEnded) answer();
  else request.once('end', answer).resume();
}
