import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { Agent, type Dispatcher } from 'undici';
import type { TlsSettings } from '../config/registry-settings.ts';
import { noProxies, type Proxies, proxyFor } from '../proxies.ts';
import { openProxy } from '../proxy-agent.ts';
import { RegistryError } from './error.ts';
import { isInternal as isInternalAddress, isMetadata } from './private-address.ts';

/** The addresses that a connection may not lead to: metadata services, or all internal ones. */
export type Guard = 'metadata' | 'internal';

export interface ConnectionOptions {
  proxies?: Proxies | undefined;
  /** Resolves host names; by default the system does. */
  lookup?: LookupFunction | undefined;
  /** Whether an address is internal. Tests, in which everything is on loopback, have their own. */
  isInternal?: ((address: string) => boolean) | undefined;
}

interface ConnectionPool {
  readonly dispatcher: Dispatcher;
  readonly tls: TlsSettings;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** The longest wait for a response, and for each further part of its body. */
const SILENCE_TIMEOUT_MS = 10_000;

const limits = {
  headersTimeout: SILENCE_TIMEOUT_MS,
  bodyTimeout: SILENCE_TIMEOUT_MS,
  maxHeaderSize: 64 * 1024,
  keepAliveTimeout: 30_000,
  allowH2: false,
};

/**
 * The connections to registries, pooled by proxy, TLS settings and guard. The guard counts because a connection to an
 * internal registry must not be reused for a redirect from another registry.
 */
export class Connections {
  readonly #proxies: Proxies;
  readonly #lookup: LookupFunction;
  readonly #isInternal: (address: string) => boolean;
  readonly #pools = new Map<string, ConnectionPool>();

  constructor({
    proxies = noProxies,
    lookup = systemLookup,
    isInternal = isInternalAddress,
  }: ConnectionOptions = {}) {
    this.#proxies = proxies;
    this.#lookup = lookup;
    this.#isInternal = isInternal;
  }

  /**
   * The connections for requests to `url`. Host names and literal addresses are checked here; the addresses of a name are
   * checked in the connection's own lookup, so that they can't change in between (DNS rebinding). Behind a proxy only the
   * name is checked, because the proxy looks it up.
   *
   * @throws RegistryError `forbidden_address`
   */
  dispatcher(url: URL, guard: Guard, tls: TlsSettings): Dispatcher {
    if (this.#refuses(url.hostname, guard)) throw forbidden(url, guard);
    const proxy = proxyFor(url, this.#proxies);
    const key = JSON.stringify([guard, proxy, tls]);
    const known = this.#pools.get(key);
    if (known !== undefined) return known.dispatcher;
    const dispatcher = proxy === undefined ? this.#direct(guard, tls) : this.#proxied(proxy, tls);
    this.#pools.set(key, { dispatcher, tls });
    return dispatcher;
  }

  /** Closes the connections with other settings than these, once their requests have ended. */
  keep(settings: readonly TlsSettings[]): void {
    const kept = new Set(settings.map((tls) => JSON.stringify(tls)));
    for (const [key, { dispatcher, tls }] of this.#pools) {
      if (kept.has(JSON.stringify(tls))) continue;
      this.#pools.delete(key);
      dispatcher.close().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ dispatcher }) => dispatcher.destroy()));
    this.#pools.clear();
  }

  #direct(guard: Guard, tls: TlsSettings): Dispatcher {
    const lookup: LookupFunction = (hostname, options, callback) =>
      this.#lookup(hostname, options, (error, found, family) => {
        const addresses = typeof found === 'string' ? [found] : (found ?? []).map(({ address }) => address);
        const refused = error === null && addresses.some((address) => this.#refuses(address, guard));
        callback(refused ? new ForbiddenAddress(guard) : error, found, family);
      });
    return new Agent({ ...limits, connect: { timeout: CONNECT_TIMEOUT_MS, lookup, ...toTls(tls) } });
  }

  #proxied(proxy: string, tls: TlsSettings): Dispatcher {
    return openProxy(proxy, {
      target: { timeout: CONNECT_TIMEOUT_MS, ...toTls(tls) },
      proxy: { timeout: CONNECT_TIMEOUT_MS, lookup: this.#lookup },
      pool: limits,
      tunnels: { headersTimeout: CONNECT_TIMEOUT_MS },
    });
  }

  #refuses(address: string, guard: Guard): boolean {
    return isMetadata(address) || (guard === 'internal' && this.#isInternal(address));
  }
}

/** Thrown by the lookup for a connection that the guard forbids. */
export class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress';
  readonly guard: Guard;

  constructor(guard: Guard) {
    super('the host name leads to a forbidden address');
    this.guard = guard;
  }
}

/** The error for a forbidden address. It doesn't show the address, which would reveal the network behind a name. */
export function forbidden(url: URL, guard: Guard, cause?: unknown): RegistryError {
  const what = isMetadata(url.hostname) || guard === 'metadata' ? 'a metadata' : 'an internal';
  return new RegistryError('forbidden_address', `${url.hostname} is at ${what} address`, { url, cause });
}

/** Configured CAs are trusted in addition to the system's, as in containerd (core/remotes/docker/config, `RootCAs`). */
function toTls({ ca, cert, key, insecure }: TlsSettings) {
  return {
    ...(ca && { ca: [...getCACertificates('default'), ...ca] }),
    ...(cert && key && { cert: [...cert], key: [...key] }),
    ...(insecure && { rejectUnauthorized: false }),
  };
}
