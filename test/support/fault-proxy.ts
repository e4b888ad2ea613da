import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyPair } from './listen.ts';

/**
 * A fault. A connection can be accepted without an answer (`silent`) or reset. A request can get no answer (`hang`), part of
 * a head (`half a head`), a head and half its body (`half a body`), a body byte by byte (`dripping body`), its answer with a
 * delay, or another answer.
 */
export type Fault =
  | 'silent'
  | 'reset'
  | 'hang'
  | 'half a head'
  | 'half a body'
  | 'dripping body'
  | { readonly delayMs: number }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };

export interface FaultProxy extends AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  /** The paths of all requests so far, whatever their fault. */
  readonly asked: readonly string[];
  /** The fault for connections and requests from now on, or a function that returns it from the number of earlier calls and the path. */
  fault: Fault | ((number: number, path: string) => Fault | undefined) | undefined;
}

export interface FaultProxyOptions {
  /** The server behind it: a port of 127.0.0.1, or host and port. */
  readonly to: { readonly host?: string; readonly port: number };
  /** Serves TLS with this certificate. The server behind it is also called over TLS, without verification. */
  readonly tls?: KeyPair;
  /** The port to listen on, on all addresses; by default a free one of 127.0.0.1. */
  readonly port?: number;
}

/** The time between two bytes of a dripping body. */
const DRIP_MS = 100;

/** Starts a reverse proxy that injects the faults of a failing registry. */
export async function startFaultProxy({ to, tls, port }: FaultProxyOptions): Promise<FaultProxy> {
  let fault: FaultProxy['fault'];
  let number = 0;
  const asked: string[] = [];
  const current = (path: string) => (typeof fault === 'function' ? fault(number++, path) : fault);
  const client = tls === undefined ? http : https;
  const agent = new client.Agent({ keepAlive: true });

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    asked.push(request.url ?? '');
    const met = current(request.url ?? '');
    if (met === 'silent' || met === 'hang') return;
    if (met === 'reset') return request.socket.destroy();
    if (met === 'half a head') return request.socket.write('HTTP/1.1 200 OK\r\nContent-Ty');
    if (typeof met === 'object' && 'status' in met)
      return response.writeHead(met.status, met.headers).end(met.body);
    if (typeof met === 'object') await delay(met.delayMs, undefined, { ref: false });
    const { method, url, headers } = request;
    const options = { ...to, method, path: url, headers, agent };
    const onward =
      tls === undefined ? http.request(options) : https.request({ ...options, rejectUnauthorized: false });
    request.pipe(onward);
    const [answer]: IncomingMessage[] = await once(onward, 'response');
    if (answer === undefined) return;
    const body = await buffer(answer);
    if (met !== 'half a body' && met !== 'dripping body') {
      return response.writeHead(answer.statusCode ?? 502, answer.rawHeaders).end(body);
    }
    // If a HEAD lacks the digest, the client requests the body.
    delete answer.headers['docker-content-digest'];
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    if (method === 'HEAD') return response.end();
    if (met === 'half a body') return response.write(body.subarray(0, body.length / 2));
    for (const byte of body) {
      if (response.destroyed) return;
      response.write(Buffer.of(byte));
      await delay(DRIP_MS, undefined, { ref: false });
    }
    return response.end();
  };
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void handle(request, response).catch(() => request.socket.destroy());
  const inner = tls === undefined ? http.createServer(listener) : https.createServer({ ...tls }, listener);
  const sockets = new Set<Socket>();
  const front = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    // A fault for each request doesn't apply to connections.
    if (fault === 'reset') socket.resetAndDestroy();
    else if (fault !== 'silent') inner.emit('connection', socket);
  });
  if (port === undefined) front.listen(0, '127.0.0.1');
  else front.listen(port);
  await once(front, 'listening');
  const address = front.address();
  return {
    host: `127.0.0.1:${typeof address === 'object' ? address?.port : port}`,
    asked,
    get fault() {
      return fault;
    },
    set fault(value) {
      fault = value;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(front, 'close');
      front.close();
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await closed;
    },
  };
}
