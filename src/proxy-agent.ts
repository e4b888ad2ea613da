import { isIP } from 'node:net';
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { connectBySocks } from './socks.ts';

/** How connections are made: by TLS, and within `timeout` milliseconds. */
export type ConnectorOptions = buildConnector.BuildOptions & { timeout: number };

export interface ProxyOptions {
  /** For the connections through the proxy. */
  readonly target: ConnectorOptions;
  /** For the connections to the proxy. */
  readonly proxy: ConnectorOptions;
  /** For the pool of connections through it. */
  readonly pool?: Agent.Options;
  /** For the pool of connections to it, over which tunnels are asked for. */
  readonly tunnels?: Pool.Options;
}

/** Connections through a proxy, by its URL: HTTP, HTTPS or SOCKS5. */
export function openProxy(uri: string, { target, proxy, pool = {}, tunnels = {} }: ProxyOptions): Dispatcher {
  const url = new URL(uri);
  if (/^socks5h?:$/.test(url.protocol)) return new Agent({ ...pool, connect: bySocks(url, target) });
  return new ProxyAgent({
    ...pool,
    uri,
    requestTls: target,
    proxyTls: proxy,
    clientFactory: (origin) =>
      new Pool(origin, { ...tunnels, connect: withoutAddressAsName(buildConnector(proxy)) }),
  });
}

/** undici asks for the proxy's host by name in TLS, even if it is an address, which OpenSSL refuses. */
const withoutAddressAsName =
  (connect: buildConnector.connector): buildConnector.connector =>
  ({ servername, ...options }, callback) =>
    connect({ ...options, ...(servername && isIP(servername) === 0 && { servername }) }, callback);

function bySocks(proxy: URL, target: ConnectorOptions): buildConnector.connector {
  const connect = buildConnector(target);
  return (options, callback) => {
    const { hostname, port, protocol } = options;
    const isTls = protocol === 'https:';
    connectBySocks(proxy, hostname, Number(port) || (isTls ? 443 : 80), target.timeout).then(
      (socket) => (isTls ? connect({ ...options, httpSocket: socket }, callback) : callback(null, socket)),
      (error: Error) => callback(error, null),
    );
  };
}
