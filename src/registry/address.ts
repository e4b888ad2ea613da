import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { RegistryError } from './error.ts';
import { isInternal } from './private-address.ts';

/**
 * The addresses that a registry may send tagpin to. An image can name any host as its registry, so a token realm or a
 * redirect isn't trusted: it could point into the cluster or at a metadata service (containerd CVE-2020-15157,
 * go-containerregistry #2193).
 */

const CONTROL = /\p{Cc}/u;
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * The URL of a challenge's realm, if tokens may be requested from it: https, or http for a registry on plain HTTP; no
 * user in it; no loopback, private, link-local or unspecified address, unless it is the registry itself or a host that
 * the configuration names.
 *
 * @throws RegistryError `missing_realm`, `invalid_realm` or `forbidden_address`
 */
export function checkRealm(
  realm: string,
  registry: { host: string; plainHttp: boolean },
  isConfigured: (url: URL) => boolean = () => false,
): URL {
  if (realm === '') throw new RegistryError('missing_realm', 'the registry names no token server');
  // URL silently removes line ends and tabs, which makes another address of what was written.
  const url = SCHEME.test(realm) && !CONTROL.test(realm) && URL.canParse(realm) ? new URL(realm) : undefined;
  if (url === undefined)
    throw new RegistryError('invalid_realm', "the URL of the registry's token server is invalid");
  const isRegistry = sameAddress(url, registry);
  if (url.username !== '' || url.password !== '') {
    throw new RegistryError('invalid_realm', "the URL of the registry's token server has a user name", {
      url,
    });
  }
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && registry.plainHttp);
  if (!secure)
    throw new RegistryError('invalid_realm', "the registry's token server doesn't use https", { url });
  if (!isRegistry && isInternal(url.hostname) && !isConfigured(url)) {
    throw new RegistryError('forbidden_address', "the registry's token server is at an internal address", {
      url,
    });
  }
  return url;
}

/**
 * Whether a registry's redirect may be followed, and whether with credentials: only to the same scheme, host and port. A
 * redirect from https to http is refused, and one to an internal address of another host unless the configuration names
 * it.
 *
 * @throws RegistryError `redirect` or `forbidden_address`
 */
export function checkRedirect(
  from: URL,
  to: URL,
  isConfigured: (url: URL) => boolean = () => false,
): { forwardAuthorization: boolean } {
  const same = from.origin === to.origin;
  if (to.protocol !== 'https:' && to.protocol !== 'http:') {
    throw new RegistryError('redirect', "the registry redirects to a URL that isn't http or https", {
      url: from,
    });
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new RegistryError('redirect', 'the registry redirects from https to http', { url: to });
  }
  if (to.username !== '' || to.password !== '') {
    throw new RegistryError('redirect', 'the registry redirects to a URL with a user name', { url: to });
  }
  if (!same && isInternal(to.hostname) && !isConfigured(to)) {
    throw new RegistryError('forbidden_address', 'the registry redirects to an internal address', {
      url: to,
    });
  }
  return { forwardAuthorization: same };
}

/** `host:port`, with the scheme's default port if there is none (go-containerregistry, `canonicalAddress`). */
export function canonicalAddress(address: string, scheme: 'http' | 'https'): string {
  const port = scheme === 'http' ? '80' : '443';
  if (isIP(address) === 6) return `[${address}]:${port}`;
  const { host, port: written } = splitHostPort(address);
  return `${host.includes(':') ? `[${host}]` : host}:${written || port}`;
}

/**
 * Whether a registry is on the loopback interface, for which plain HTTP is the default (containerd
 * core/remotes/docker/registry.go, `MatchLocalhost`).
 */
export function isLoopbackRegistry(address: string): boolean {
  if (address === '::1' || address === '[::1]') return true;
  if (address.endsWith(':')) return false;
  const { host } = splitHostPort(address);
  return host === 'localhost' || (isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback');
}

function sameAddress(url: URL, { host, plainHttp }: { host: string; plainHttp: boolean }): boolean {
  const scheme = url.protocol === 'http:' ? 'http' : 'https';
  return canonicalAddress(url.host, scheme) === canonicalAddress(host, plainHttp ? 'http' : 'https');
}

function splitHostPort(address: string): { host: string; port: string } {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/.exec(address);
  return { host: match?.[1] ?? match?.[2] ?? address, port: match?.[3] ?? '' };
}
