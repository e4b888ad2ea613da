import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { noProxies, type Proxies } from '../config/environment.ts';
import type { TlsSettings } from '../config/registry-settings.ts';
import { RegistryError } from './error.ts';
import { isInternal, isMetadata } from './private-address.ts';
import { proxyFor } from './proxy.ts';

/** What a connection may not lead to: a metadata service, or anything inside. */
export type Guard = 'metadata' | 'internal';

export interface ConnectionOptions {
  proxies?: Proxies | undefined;
  /** Finds the addresses of host names; the system's way if not given. */
  lookup?: LookupFunction | undefined;
  /** What counts as inside; for tests, whose world is all on loopback. */
  inside?: ((address: string) => boolean) | undefined;
}

interface Way {
  readonly dispatcher: Dispatcher;
  readonly tls: TlsSettings;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A registry that has said nothing, or nothing more, for so long won't. */
const SILENCE_TIMEOUT_MS = 10_000;

const limits = {
  headersTimeout: SILENCE_TIMEOUT_MS,
  bodyTimeout: SILENCE_TIMEOUT_MS,
  maxHeaderSize: 64 * 1024,
  keepAliveTimeout: 30_000,
  allowH2: false,
};

/**
 * The connections to registries, one pool for each way of making them. Connections made under different guards are
 * kept apart: one to an internal registry must not serve whoever is sent there by another.
 */
export class Connections {
  readonly #proxies: Proxies;
  readonly #lookup: LookupFunction;
  readonly #inside: (address: string) => boolean;
  readonly #pools = new Map<string, Way>();

  constructor({ proxies = noProxies, lookup = systemLookup, inside = isInternal }: ConnectionOptions = {}) {
    this.#proxies = proxies;
    this.#lookup = lookup;
    this.#inside = inside;
  }

  /**
   * What requests to `url` go over. Names and literal addresses are checked here, and what a name leads to when it is
   * looked up for the connection itself, so that it can't lead elsewhere a moment later (DNS rebinding). Only a proxy
   * knows where its connections end: there the check of the name is all there is.
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

  /** Gives up the connections made by other settings than these: what is on its way on them still arrives. */
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
    return new ProxyAgent({
      ...limits,
      uri: proxy,
      clientFactory: (origin, options) =>
        new Pool(origin, { ...options, headersTimeout: CONNECT_TIMEOUT_MS }),
      proxyTls: { timeout: CONNECT_TIMEOUT_MS, lookup: this.#lookup },
      requestTls: { timeout: CONNECT_TIMEOUT_MS, ...toTls(tls) },
    });
  }

  #refuses(address: string, guard: Guard): boolean {
    return isMetadata(address) || (guard === 'internal' && this.#inside(address));
  }
}

/** Thrown by the lookup for a connection that must not be made. */
export class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress';
  readonly guard: Guard;

  constructor(guard: Guard) {
    super('the host name leads to a forbidden address');
    this.guard = guard;
  }
}

/** The error that stands for a place tagpin doesn't go to. The address itself isn't told: it would map the network. */
export function forbidden(url: URL, guard: Guard, cause?: unknown): RegistryError {
  const what = isMetadata(url.hostname) || guard === 'metadata' ? 'a metadata' : 'an internal';
  return new RegistryError('forbidden_address', `${url.hostname} is at ${what} address`, { url, cause });
}

/** Own CAs are trusted beside the usual ones, as containerd has it (core/remotes/docker/config, `RootCAs`). */
function toTls({ ca, cert, key, insecure }: TlsSettings) {
  return {
    ...(ca && { ca: [...getCACertificates('default'), ...ca] }),
    ...(cert && key && { cert: [...cert], key: [...key] }),
    ...(insecure && { rejectUnauthorized: false }),
  };
}
