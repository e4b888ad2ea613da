import http from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Listener, type ListenOptions, listen } from './listen.ts';

export interface ProxyOptions extends ListenOptions {
  /** `user:password` that clients must show. */
  readonly login?: string;
}

/** A forward proxy that resolves every name to this machine. */
export interface Proxy extends Listener {
  /** Its requests: `CONNECT host:port`, or method and URL. */
  readonly asked: readonly string[];
}

/** Starts a proxy that tunnels (CONNECT) and forwards (absolute URLs), as squid does. */
export async function startProxy({ login, ...options }: ProxyOptions = {}): Promise<Proxy> {
  const asked: string[] = [];
  const allows = ({ headers }: http.IncomingMessage) =>
    login === undefined ||
    headers['proxy-authorization'] === `Basic ${Buffer.from(login).toString('base64')}`;

  const listener = await listen((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (!allows(request)) {
      response.writeHead(407).end();
      return;
    }
    forward(request, response);
  }, options);
  listener.server.on('connect', (request, socket, head) => {
    asked.push(`CONNECT ${request.url}`);
    if (!allows(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    tunnel(request, socket, head);
  });
  return { ...listener, asked };
}

/** Sends a request with an absolute URL onward, to this machine whatever its host is. */
export function forward(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { port, pathname, search } = new URL(request.url ?? '');
  const { method = 'GET', headers } = request;
  const path = pathname + search;
  const onward = http.request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}

/** Answers CONNECT with a tunnel to the port on this machine, whatever its host is. */
export function tunnel(request: http.IncomingMessage, socket: Duplex, head: Buffer): void {
  const port = Number(/:(\d+)$/.exec(request.url ?? '')?.[1]);
  const onward = connect(port, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  onward.on('error', () => socket.destroy());
  socket.on('error', () => onward.destroy());
}
