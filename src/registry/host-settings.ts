import type { Registries, RegistrySettings, TlsSettings } from '../config/registry-settings.ts';
import { apiHost } from '../image/reference.ts';
import { canonicalAddress } from './address.ts';

/** The settings by host, whatever spelling of it an image, the configuration or a URL uses. */
export class HostSettings {
  readonly #settings: ReadonlyMap<string, RegistrySettings>;
  readonly #defaults: RegistrySettings;
  /** Every host that the configuration names, as `host:port`. */
  readonly #configured: ReadonlySet<string>;

  constructor({ settings, defaults = {} }: Registries) {
    this.#settings = new Map(Array.from(settings, ([domain, value]) => [keyOf(domain), value]));
    this.#defaults = defaults;
    const roots = [...settings.values(), defaults].flatMap(({ root, mirrors = [] }) => [
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

  /** The settings of the host's own, if there are any. */
  named(host: string): RegistrySettings | undefined {
    return this.#settings.get(keyOf(host));
  }

  /** The settings of the host's own, or the defaults. */
  of(host: string): RegistrySettings {
    return this.named(host) ?? this.#defaults;
  }

  /** Whether the configuration names the host of `url`, as a registry or as a mirror. */
  isConfigured(url: URL): boolean {
    return this.#configured.has(addressOf(url));
  }

  /** All TLS settings in use: for these hosts, for the hosts they redirect to, and for all others. */
  get tls(): TlsSettings[] {
    const own = [...this.#settings.values(), this.#defaults].flatMap(({ tls = {}, mirrors = [] }) => [
      tls,
      ...mirrors.map((mirror) => mirror.tls ?? {}),
    ]);
    return [{}, ...own, ...own.map(redirectTls)];
  }
}

/** The TLS settings for hosts that a registry redirects to: its CAs, as in containerd, but no client certificate. */
export const redirectTls = ({ ca, insecure }: TlsSettings): TlsSettings => ({
  ...(ca && { ca }),
  ...(insecure && { insecure }),
});

const keyOf = (domain: string) => (apiHost(domain) ?? domain).toLowerCase().replace(/:443$/, '');

export const schemeOf = (url: URL) => (url.protocol === 'http:' ? 'http' : 'https');
export const addressOf = (url: URL) => canonicalAddress(url.host, schemeOf(url));
