import type { LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { Agent, type Dispatcher } from 'undici';
import { apiHost } from '../image/reference.ts';
import { isLoopbackRegistry } from './address.ts';
import { RegistryError } from './error.ts';

/** What the configuration says of one registry host. */
export interface RegistrySettings {
  /** Speak plain HTTP to it. Left out: only if it is on the loopback interface and has no CA. */
  plainHttp?: boolean | undefined;
  /** PEM of further CAs that its certificate may be signed by. */
  ca?: string | undefined;
}

/** How to reach one registry. */
export interface Endpoint {
  /** Host and port as URLs have it. */
  host: string;
  base: URL;
  plainHttp: boolean;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** To one host at a time; what is beyond waits. A pod may name thousands of images. */
const CONNECTIONS = 32;
/** A registry that has said nothing, or nothing more, for so long won't. */
const SILENCE_TIMEOUT_MS = 10_000;

/** One spelling for a host, however images, configuration and URLs write it. */
const addressOf = (domain: string) => (apiHost(domain) ?? domain).toLowerCase().replace(/:443$/, '');

/** Knows how each host is reached: its scheme, its CAs, and the connections that are open to it. */
export class Endpoints {
  readonly #settings: ReadonlyMap<string, RegistrySettings>;
  readonly #lookup: LookupFunction | undefined;
  readonly #agents = new Map<string, Agent>();

  /**
   * @param settings by host, with the port where images write one: `registry.example.com:5000`
   * @param lookup finds the addresses of host names; the system's way if not given
   */
  constructor(settings: ReadonlyMap<string, RegistrySettings> = new Map(), lookup?: LookupFunction) {
    this.#settings = new Map(Array.from(settings, ([domain, value]) => [addressOf(domain), value]));
    this.#lookup = lookup;
  }

  /**
   * The registry that answers for `domain`, as an image names it.
   *
   * @throws RegistryError `invalid_host`
   */
  endpoint(domain: string): Endpoint {
    const host = apiHost(domain) ?? '';
    const { plainHttp, ca } = this.#settings.get(addressOf(domain)) ?? {};
    const http = plainHttp ?? (ca === undefined && isLoopbackRegistry(host));
    const url = `${http ? 'http' : 'https'}://${host}/`;
    if (host === '' || !URL.canParse(url)) {
      throw new RegistryError('invalid_host', `${JSON.stringify(domain)} is no registry host`);
    }
    return { host, base: new URL(url), plainHttp: http };
  }

  /** The connections that requests to `url` go over. */
  dispatcher(url: URL): Dispatcher {
    const ca = this.#settings.get(addressOf(url.host))?.ca ?? '';
    let agent = this.#agents.get(ca);
    if (agent === undefined) {
      agent = new Agent({
        connect: {
          timeout: CONNECT_TIMEOUT_MS,
          ...(this.#lookup && { lookup: this.#lookup }),
          ...(ca === '' ? {} : { ca: [...getCACertificates('default'), ca] }),
        },
        connections: CONNECTIONS,
        headersTimeout: SILENCE_TIMEOUT_MS,
        bodyTimeout: SILENCE_TIMEOUT_MS,
        maxHeaderSize: 64 * 1024,
        keepAliveTimeout: 30_000,
        allowH2: false,
      });
      this.#agents.set(ca, agent);
    }
    return agent;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
    this.#agents.clear();
  }
}
