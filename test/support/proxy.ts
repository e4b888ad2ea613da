import http from 'node:http';
import { connect } from 'node:net';
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
    const { port, pathname, search } = new URL(request.url ?? '');
    const { method = 'GET', headers } = request;
    const path = pathname + search;
    const onward = http.request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }, options);
  listener.server.on('connect', (request, socket, head) => {
    asked.push(`CONNECT ${request.url}`);
    if (!allows(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const port = Number(/:(\d+)$/.exec(request.url ?? '')?.[1]);
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  return { ...listener, asked };
}
