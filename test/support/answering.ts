import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { type Listener, type ListenOptions, listen } from './listen.ts';
import type { RequestLog } from './request-log.ts';

/** A complete request with its body. */
export interface ReceivedRequest {
  readonly method: string;
  /** Percent-decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** The outcome of a request: a reply, no reply ever, or a connection reset. */
export type Outcome = Reply | 'hang' | 'reset';

/** A fault: a delay, then this outcome instead of the real one (the real one if not given). */
export interface Fault {
  readonly delayMs?: number;
  readonly outcome?: Outcome;
}

export type Answer = (request: ReceivedRequest) => Outcome | Promise<Outcome>;

export interface AnsweringOptions extends ListenOptions {
  readonly log: RequestLog;
  /** Asked before each request is answered. */
  readonly faultFor?: (request: ReceivedRequest) => Fault | undefined;
  readonly answer: Answer;
}

/** Starts a server whose answers are values: `answer` maps a request to its outcome. */
export function startAnswering(options: AnsweringOptions): Promise<Listener> {
  return listen((request, response) => {
    options.log.record(request, response);
    exchange(request, options).then(
      (outcome) => write(response, outcome),
      (error: unknown) => write(response, { status: 500, body: `${error}\n` }),
    );
  }, options);
}

export function jsonReply(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: `${JSON.stringify(value)}\n`,
  };
}

async function exchange(request: IncomingMessage, options: AnsweringOptions): Promise<Outcome> {
  const received = await receive(request);
  const fault = options.faultFor?.(received);
  if (fault?.delayMs !== undefined) await setTimeout(fault.delayMs, undefined, { ref: false });
  return fault?.outcome ?? options.answer(received);
}

async function receive(request: IncomingMessage): Promise<ReceivedRequest> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return {
    method: request.method ?? 'GET',
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.concat(chunks),
  };
}

function write(response: ServerResponse, outcome: Outcome): void {
  if (outcome === 'hang') return;
  if (outcome === 'reset') {
    // Node.js resets plain connections only; one with TLS is cut.
    if (response.socket instanceof TLSSocket) response.socket.destroy();
    else response.socket?.resetAndDestroy();
    return;
  }
  const { status, headers, body = '' } = outcome;
  const length = status === 204 || status === 304 ? {} : { 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(status, { ...length, ...headers });
  // node:http leaves the body out when the request is a HEAD, and keeps the length
  response.end(body);
}
