import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** A request as the server received it. */
export interface LoggedRequest {
  readonly method: string;
  /** Without the query, as sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The Host header. */
  readonly host: string;
  /** All headers, Authorization too. */
  readonly headers: IncomingHttpHeaders;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Unset until the answer is written. */
  status?: number;
  /** Milliseconds from the request's headers to the end of the answer. */
  took?: number;
}

/** All requests that a server received, in order of arrival. */
export class RequestLog {
  #entries: LoggedRequest[] = [];

  get entries(): readonly LoggedRequest[] {
    return this.#entries;
  }

  count(matches: (request: LoggedRequest) => boolean = () => true): number {
    return this.#entries.filter(matches).length;
  }

  clear(): void {
    this.#entries = [];
  }

  /** Records the request at once, and its outcome when the response is finished. */
  record(request: IncomingMessage, response: ServerResponse): LoggedRequest {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const entry: LoggedRequest = {
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      host: request.headers.host ?? '',
      headers: request.headers,
      startedAt: Date.now(),
    };
    this.#entries.push(entry);
    const began = performance.now();
    response.once('finish', () => {
      entry.status = response.statusCode;
      entry.took = performance.now() - began;
    });
    return entry;
  }
}
