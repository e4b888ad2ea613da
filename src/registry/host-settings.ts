import type { Registries, RegistrySettings, TlsSettings } from '../config/registry-settings.ts';
import { apiHost } from '../image/reference.ts';
import { canonicalAddress } from './address.ts';

/** The settings of hosts, found however images, configuration and URLs write them. */
export class Hosts {
  readonly #settings: ReadonlyMap<string, RegistrySettings>;
  readonly #otherwise: RegistrySettings;
  /** All that the configuration names, as `host:port`. */
  readonly #configured: ReadonlySet<string>;

  constructor({ settings, otherwise = {} }: Registries) {
    this.#settings = new Map(Array.from(settings, ([domain, value]) => [keyOf(domain), value]));
    this.#otherwise = otherwise;
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

  /** Those of its own, if it has any. */
  named(host: string): RegistrySettings | undefined {
    return this.#settings.get(keyOf(host));
  }

  /** Those of its own, or else those of all others. */
  of(host: string): RegistrySettings {
    return this.named(host) ?? this.#otherwise;
  }

  /** Whether the configuration names the host of `url`, as a registry or as a mirror. */
  isConfigured(url: URL): boolean {
    return this.#configured.has(addressOf(url));
  }

  /** All settings by which connections are made: to these hosts, to hosts they send us to, and to all others. */
  get tls(): TlsSettings[] {
    const own = [...this.#settings.values(), this.#otherwise].flatMap(({ tls = {}, mirrors = [] }) => [
      tls,
      ...mirrors.map((mirror) => mirror.tls ?? {}),
    ]);
    return [{}, ...own, ...own.map(elsewhere)];
  }
}

/** Own CAs hold for wherever a registry sends us, as with containerd; a client certificate is for its host only. */
export const elsewhere = ({ ca, insecure }: TlsSettings): TlsSettings => ({
  ...(ca && { ca }),
  ...(insecure && { insecure }),
});

const keyOf = (domain: string) => (apiHost(domain) ?? domain).toLowerCase().replace(/:443$/, '');

export const schemeOf = (url: URL) => (url.protocol === 'http:' ? 'http' : 'https');
export const addressOf = (url: URL) => canonicalAddress(url.host, schemeOf(url));
