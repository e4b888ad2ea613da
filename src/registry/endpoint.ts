import type { Dispatcher } from 'undici';
import type { Capability, Mirror, RegistrySettings, TlsSettings } from '../config/registry-settings.ts';
import { apiHost } from '../image/reference.ts';
import { canonicalAddress, isLoopbackRegistry } from './address.ts';
import { type ConnectionOptions, Connections, type Guard } from './connections.ts';
import { RegistryError } from './error.ts';
import { isMetadata } from './inside.ts';

/** How to reach one host that answers for a registry: the registry itself, or a mirror of it. */
export interface Endpoint {
  /** Host and port as URLs have it. */
  readonly host: string;
  /** The root of its API, with a slash at the end: `https://registry.example.com/v2/`. */
  readonly base: URL;
  readonly plainHttp: boolean;
  readonly tls: TlsSettings;
  /** Sent with each request to this very host, and to no other. */
  readonly headers: Readonly<Record<string, string>>;
  /** The registry that is meant, if the host isn't its own: sent as `ns`. */
  readonly namespace: string | undefined;
  /** Whether the credentials that are meant for the registry may be shown. */
  readonly takesCredentials: boolean;
  readonly guard: Guard;
  /** Prefixes of repositories that a pull-through cache fills. */
  readonly pullThrough: readonly string[];
}

export interface EndpointsOptions extends ConnectionOptions {
  /** For hosts that have no settings of their own (containerd's `_default`). */
  otherwise?: RegistrySettings | undefined;
  /** Registries that no setting names must not be at internal addresses. */
  denyPrivateRegistries?: boolean | undefined;
}

const API_ROOT = '/v2/';

/** One spelling for a host, however images, configuration and URLs write it. */
const keyOf = (domain: string) => (apiHost(domain) ?? domain).toLowerCase().replace(/:443$/, '');

/** Knows how each registry is reached: by which hosts, how they are spoken to, and what may be sent to them. */
export class Endpoints {
  readonly #settings: ReadonlyMap<string, RegistrySettings>;
  readonly #otherwise: RegistrySettings;
  readonly #deniesPrivate: boolean;
  readonly #connections: Connections;
  /** All that the configuration names, as `host:port`. */
  readonly #configured: ReadonlySet<string>;

  /** @param settings by host, with the port where images write one: `registry.example.com:5000` */
  constructor(
    settings: ReadonlyMap<string, RegistrySettings> = new Map(),
    { otherwise = {}, denyPrivateRegistries = false, ...connections }: EndpointsOptions = {},
  ) {
    this.#settings = new Map(Array.from(settings, ([domain, value]) => [keyOf(domain), value]));
    this.#otherwise = otherwise;
    this.#deniesPrivate = denyPrivateRegistries;
    this.#connections = new Connections(connections);
    const roots = [...settings.values(), otherwise].flatMap(({ root, mirrors = [] }) => [
      ...(root ? [root] : []),
      ...mirrors.map((mirror) => mirror.root),
    ]);
    this.#configured = new Set([
      ...roots.map(addressOf),
      ...[...settings].map(([domain, { plainHttp }]) =>
        canonicalAddress((apiHost(domain) ?? '').toLowerCase(), plainHttp ? 'http' : 'https'),
      ),
    ]);
  }

  /**
   * The hosts to ask for an image of `domain`, in order: the mirrors that may be asked for this, then the registry
   * itself (containerd core/remotes/docker/resolver.go, `filterHosts`). To find what a tag stands for takes `resolve`.
   *
   * @throws RegistryError `invalid_host` or `forbidden_address`
   */
  inOrder(domain: string, needed: Capability): Endpoint[] {
    const registry = this.registry(domain);
    const host = new URL(`https://${registry.namespace ?? registry.host}/`);
    if (isMetadata(host.hostname)) {
      throw new RegistryError('forbidden_address', `${host.hostname} is a metadata address`, { url: host });
    }
    const { mirrors = [], capabilities = ['pull', 'resolve'] } = this.#settingsOf(domain);
    const may = (granted: readonly Capability[]) => granted.includes('pull') && granted.includes(needed);
    return [
      ...mirrors.filter((mirror) => may(mirror.capabilities)).map((mirror) => this.#mirror(domain, mirror)),
      ...(may(capabilities) ? [registry] : []),
    ];
  }

  /**
   * The registry that answers for `domain`, as an image names it.
   *
   * @throws RegistryError `invalid_host`
   */
  registry(domain: string): Endpoint {
    const host = apiHost(domain) ?? '';
    const settings = this.#settingsOf(domain);
    const { root, plainHttp, tls = {}, headers = {}, pullThrough = [] } = settings;
    if (host === '' || !isHost(host)) {
      throw new RegistryError('invalid_host', `${JSON.stringify(domain)} is no registry host`);
    }
    if (root !== undefined) {
      return { ...this.#at(domain, root), tls, headers, pullThrough };
    }
    const http = plainHttp ?? (Object.keys(tls).length === 0 && isLoopbackRegistry(host));
    const base = new URL(API_ROOT, `${http ? 'http' : 'https'}://${host}`);
    const named = this.#settings.has(keyOf(domain)) || !this.#deniesPrivate;
    const guard = named ? 'metadata' : 'internal';
    return { ...this.#at(domain, base), host, tls, headers, pullThrough, guard };
  }

  /** A host that `via` has sent us to, and that asks for something itself: a stranger, who is shown nothing. */
  elsewhere(url: URL, via: Endpoint): Endpoint {
    return {
      host: url.host,
      base: new URL('/', url),
      plainHttp: url.protocol === 'http:',
      tls: this.#tls(url, via),
      headers: {},
      namespace: undefined,
      takesCredentials: false,
      guard: this.#guard(url, via),
      pullThrough: [],
    };
  }

  /** Whether the configuration names the host of `url`, as a registry or as a mirror. */
  isConfigured(url: URL): boolean {
    return this.#configured.has(addressOf(url));
  }

  /**
   * The connections that a request to `url` goes over, made on the word of `via`.
   *
   * @throws RegistryError `forbidden_address`
   */
  dispatcher(url: URL, via: Endpoint): Dispatcher {
    return this.#connections.dispatcher(url, this.#guard(url, via), this.#tls(url, via));
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  #settingsOf(domain: string): RegistrySettings {
    return this.#settings.get(keyOf(domain)) ?? this.#otherwise;
  }

  #mirror(domain: string, { root, sendCredentials, tls, headers = {} }: Mirror): Endpoint {
    const at = this.#at(domain, root);
    return {
      ...at,
      headers,
      tls: tls ?? this.#settings.get(keyOf(root.host))?.tls ?? {},
      takesCredentials: at.takesCredentials || sendCredentials,
    };
  }

  #at(domain: string, base: URL): Endpoint {
    const own = addressOf(base) === canonicalAddress(apiHost(domain) ?? '', schemeOf(base));
    return {
      host: base.host,
      base,
      plainHttp: base.protocol === 'http:',
      tls: {},
      headers: {},
      namespace: own ? undefined : domain,
      takesCredentials: own,
      guard: 'metadata',
      pullThrough: [],
    };
  }

  #guard(url: URL, via: Endpoint): Guard {
    if (this.isConfigured(url)) return 'metadata';
    return url.hostname === via.base.hostname ? via.guard : 'internal';
  }

  /** Own CAs hold for wherever the registry sends us, as with containerd; a client certificate is for its host only. */
  #tls(url: URL, via: Endpoint): TlsSettings {
    if (url.host === via.base.host) return via.tls;
    const { ca, insecure } = via.tls;
    return this.#settings.get(keyOf(url.host))?.tls ?? { ...(ca && { ca }), ...(insecure && { insecure }) };
  }
}

const schemeOf = (url: URL) => (url.protocol === 'http:' ? 'http' : 'https');
const addressOf = (url: URL) => canonicalAddress(url.host, schemeOf(url));

/** Whether this, and all of this, can be the host of a URL. */
function isHost(host: string): boolean {
  const url = `https://${host}/`;
  return URL.canParse(url) && new URL(url).username === '' && new URL(url).pathname === '/';
}
