import type { Dispatcher } from 'undici';
import type { Capability, Mirror, Registries, TlsSettings } from '../config/registry-settings.ts';
import type { Rewrite } from '../config/rewrite.ts';
import { apiHost } from '../image/reference.ts';
import { isLoopbackRegistry } from './address.ts';
import { type ConnectionOptions, Connections, type Guard } from './connections.ts';
import { RegistryError } from './error.ts';
import { addressOf, HostSettings, redirectTls, schemeOf } from './host-settings.ts';
import { isMetadata } from './private-address.ts';

/** How to reach one host of a registry: the registry itself, or a mirror of it. */
export interface Endpoint {
  /** Host and port, as in URLs. */
  readonly host: string;
  /** The root of its API, with a trailing slash: `https://registry.example.com/v2/`. */
  readonly base: URL;
  readonly plainHttp: boolean;
  readonly tls: TlsSettings;
  /** Sent with each request to this host, and to no other. */
  readonly headers: Readonly<Record<string, string>>;
  /** The registry that a mirror is to answer for, sent as `ns`; undefined at the registry's own host. */
  readonly namespace: string | undefined;
  /** Whether it may be sent the registry's credentials. */
  readonly takesCredentials: boolean;
  readonly guard: Guard;
  /** Prefixes of repositories that a pull-through cache serves. */
  readonly pullThrough: readonly string[];
  /** How it calls repositories. */
  readonly rewrites: readonly Rewrite[];
}

export interface EndpointsOptions extends ConnectionOptions {
  /** Refuses registries at internal addresses unless the configuration names them. */
  denyPrivateRegistries?: boolean | undefined;
}

const API_ROOT = '/v2/';

const noSettings: Registries = { settings: new Map() };

/** How each registry is reached: its hosts, in which order, with which TLS settings, headers and credentials. */
export class Endpoints {
  readonly #configured: () => Registries;
  readonly #deniesPrivate: boolean;
  readonly #connections: Connections;
  #known: { registries: Registries; hosts: HostSettings };

  /** @param configured the current settings; another object once they have changed */
  constructor(
    configured: () => Registries = () => noSettings,
    { denyPrivateRegistries = false, ...connections }: EndpointsOptions = {},
  ) {
    this.#configured = configured;
    this.#deniesPrivate = denyPrivateRegistries;
    this.#connections = new Connections(connections);
    const registries = configured();
    this.#known = { registries, hosts: new HostSettings(registries) };
  }

  /**
   * The hosts to ask for an image of `domain`, in order: the mirrors with the needed capability, then the registry itself
   * (containerd core/remotes/docker/resolver.go, `filterHosts`). To resolve a tag needs `resolve`.
   *
   * @throws RegistryError `invalid_host` or `forbidden_address`
   */
  inOrder(domain: string, needed: Capability): Endpoint[] {
    const registry = this.origin(domain);
    const { mirrors = [], capabilities = ['pull', 'resolve'] } = this.#hosts.of(domain);
    const may = (granted: readonly Capability[]) => granted.includes('pull') && granted.includes(needed);
    return [
      ...mirrors.filter((mirror) => may(mirror.capabilities)).map((mirror) => this.#mirror(domain, mirror)),
      ...(may(capabilities) ? [registry] : []),
    ];
  }

  /**
   * The registry of `domain` itself, whatever it may be asked for.
   *
   * @throws RegistryError `invalid_host` or `forbidden_address`
   */
  origin(domain: string): Endpoint {
    const registry = this.registry(domain);
    const host = new URL(`https://${registry.namespace ?? registry.host}/`);
    if (!isMetadata(host.hostname)) return registry;
    throw new RegistryError('forbidden_address', `${host.hostname} is a metadata address`, { url: host });
  }

  /**
   * The registry of `domain`, as an image names it.
   *
   * @throws RegistryError `invalid_host`
   */
  registry(domain: string): Endpoint {
    const host = apiHost(domain) ?? '';
    const {
      root,
      plainHttp,
      tls = {},
      headers = {},
      pullThrough = [],
      rewrites = [],
    } = this.#hosts.of(domain);
    if (host === '' || !isHost(host)) {
      throw new RegistryError('invalid_host', `${JSON.stringify(domain)} isn't a valid registry host`);
    }
    if (root !== undefined) {
      return { ...this.#at(domain, root), tls, headers, pullThrough, rewrites };
    }
    const http = plainHttp ?? (Object.keys(tls).length === 0 && isLoopbackRegistry(host));
    const base = new URL(API_ROOT, `${http ? 'http' : 'https'}://${host}`);
    const named = this.#hosts.named(domain) !== undefined || !this.#deniesPrivate;
    const guard = named ? 'metadata' : 'internal';
    return { ...this.#at(domain, base), tls, headers, pullThrough, rewrites, guard };
  }

  /** The host of a redirect's target, which is sent no credentials and no configured headers. */
  redirectTarget(url: URL, via: Endpoint): Endpoint {
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
      rewrites: [],
    };
  }

  /** Whether the configuration names the host of `url`, as a registry or as a mirror. */
  isConfigured(url: URL): boolean {
    return this.#hosts.isConfigured(url);
  }

  /**
   * The connections for a request to `url`, which `via` has asked for.
   *
   * @throws RegistryError `forbidden_address`
   */
  dispatcher(url: URL, via: Endpoint): Dispatcher {
    return this.#connections.dispatcher(url, this.#guard(url, via), this.#tls(url, via));
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  /** The current settings. Connections that new settings don't use are closed. */
  get #hosts(): HostSettings {
    const registries = this.#configured();
    if (registries !== this.#known.registries) {
      this.#known = { registries, hosts: new HostSettings(registries) };
      this.#connections.keep(this.#known.hosts.tls);
    }
    return this.#known.hosts;
  }

  #mirror(domain: string, { root, sendCredentials, tls, headers = {}, rewrites = [] }: Mirror): Endpoint {
    const at = this.#at(domain, root);
    return {
      ...at,
      headers,
      rewrites,
      tls: tls ?? this.#hosts.named(root.host)?.tls ?? {},
      takesCredentials: at.takesCredentials || sendCredentials,
    };
  }

  #at(domain: string, base: URL): Endpoint {
    // Hosts are compared as in URLs, because an image may name REG.example.com.
    const own = addressOf(base) === addressOf(new URL(`${schemeOf(base)}://${apiHost(domain)}`));
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
      rewrites: [],
    };
  }

  #guard(url: URL, via: Endpoint): Guard {
    if (this.isConfigured(url)) return 'metadata';
    return url.hostname === via.base.hostname ? via.guard : 'internal';
  }

  #tls(url: URL, via: Endpoint): TlsSettings {
    if (url.host === via.base.host) return via.tls;
    return this.#hosts.named(url.host)?.tls ?? redirectTls(via.tls);
  }
}

/** Whether the whole text can be the host of a URL. */
function isHost(host: string): boolean {
  const url = `https://${host}/`;
  return URL.canParse(url) && new URL(url).username === '' && new URL(url).pathname === '/';
}
