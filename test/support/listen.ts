import http, { type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface ListenOptions {
  /** Its name in `host` and `url`, which must resolve to 127.0.0.1. */
  readonly name?: string;
  /** Served over TLS with this certificate; plain HTTP without. */
  readonly tls?: KeyPair;
  /** With TLS: clients must present a certificate of this CA. */
  readonly clientCa?: string;
  /** The address to listen on instead of 127.0.0.1; the name should resolve to it. */
  readonly address?: string;
}

/** A server on a free port of 127.0.0.1. */
export interface Listener extends AsyncDisposable {
  /** `name:port` */
  readonly host: string;
  readonly port: number;
  /** `http://name:port` or `https://name:port` */
  readonly url: string;
  readonly server: Server;
  /** Stops listening and drops every open connection. */
  close(): Promise<void>;
}

export async function listen(handler: RequestListener, options: ListenOptions = {}): Promise<Listener> {
  const { name = '127.0.0.1', tls, clientCa, address = '127.0.0.1' } = options;
  const verification = clientCa === undefined ? {} : { ca: clientCa, requestCert: true };
  const server = tls ? https.createServer({ ...tls, ...verification }, handler) : http.createServer(handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, address, resolve);
  });
  const port = portOf(server.address());
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    server,
    host: `${name}:${port}`,
    port,
    url: `${tls ? 'https' : 'http'}://${name}:${port}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port');
  return address.port;
}

/** A free port of 127.0.0.1, for a program that needs one as an argument. */
export async function freePort(): Promise<number> {
  await using listener = await listen(() => {});
  return listener.port;
}
