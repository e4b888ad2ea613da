import { isIPv6 } from 'node:net';
import { globMatch } from './glob.ts';

/**
 * A key of a docker config, or an image's repository, taken apart so that one can be matched against the
 * other: kubernetes pkg/credentialprovider/keyring.go, with the parsing that Go's net/url and net do for it.
 */
export interface RegistryKey {
  /** The host and port as one string. */
  readonly host: string;
  /** The host between its dots; in a key each may be a glob. */
  readonly labels: readonly string[];
  /** Compared as text: no port isn't port 443. */
  readonly port: string;
  readonly path: string;
}

/**
 * The form under which a docker config's key is filed (`BasicDockerKeyring.Add`): without scheme, user info
 * and query, and without a leading `/v1` or `/v2` if a slash follows. Undefined for what isn't a URL; it is
 * ignored.
 */
export function normalizeKey(key: string): string | undefined {
  const parsed = parseKey(key.replace(/^https?:\/\//, ''));
  if (parsed === undefined) return undefined;
  const path = parsed.path.replace(/^\/v[12](?=\/)/, '');
  return path === '/' ? parsed.host : parsed.host + path;
}

/**
 * Takes a key without its scheme, or an image's repository, apart (`ParseSchemelessURL`, Go's `url.Parse`).
 */
export function parseKey(text: string): RegistryKey | undefined {
  const [, beforeQuery = '', query = '', fragment = ''] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(text) ?? [];
  if (CONTROL.test(beforeQuery + query) || hasBrokenEscape(fragment)) return undefined;
  const slash = beforeQuery.indexOf('/');
  const authority = slash === -1 ? beforeQuery : beforeQuery.slice(0, slash);
  const path = slash === -1 ? '' : beforeQuery.slice(slash);
  const at = authority.lastIndexOf('@');
  const userinfo = authority.slice(0, Math.max(at, 0));
  const host = authority.slice(at + 1);
  if (!USERINFO.test(userinfo) || !isHost(host) || hasBrokenEscape(userinfo + path)) return undefined;
  return { host, ...splitHost(host), path: percentDecode(path) };
}

/**
 * Whether a key is for an image (`URLsMatch`): the same port, as many labels, each matched by its glob, and a
 * path with which the image's begins. That needn't end at a slash: `/team` is for `/teams/app` too.
 */
export function keyMatches(key: RegistryKey, image: RegistryKey): boolean {
  return (
    key.port === image.port &&
    key.labels.length === image.labels.length &&
    image.path.startsWith(key.path) &&
    key.labels.every((label, index) => globMatch(label, image.labels[index] ?? ''))
  );
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\x00-\x1f\x7f]/;
const USERINFO = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
const NAME_AND_PORT = /^[A-Za-z0-9\-._~!$&'()*+,;=\]<>"\u0080-\uffff]*(?::[0-9]*)?$/;
const IPV6_AND_PORT = /^\[(?<address>[^\]]*)\](?::[0-9]*)?$/;

/**
 * 253 characters of a DNS name, and a port. Longer ones reach nobody, and globs would take their time over
 * them.
 */
export const LONGEST_HOST = 253 + ':65535'.length;

/**
 * net/url `parseHost`, but for percent signs: Go lets a host escape those, bytes beyond ASCII, and an IPv6
 * address's zone. No image name has any of that, so such a key matches nothing and may as well be invalid.
 */
function isHost(host: string): boolean {
  if (host.length > LONGEST_HOST) return false;
  if (!host.startsWith('[')) return NAME_AND_PORT.test(host);
  const address = IPV6_AND_PORT.exec(host)?.groups?.['address'] ?? '';
  return isIPv6(address) && !address.includes('%');
}

/** net `SplitHostPort`; an address in brackets keeps them if no port follows. */
function splitHost(host: string): Pick<RegistryKey, 'labels' | 'port'> {
  const match = /^(?:\[([^\]]*)\]|([^\]:]*)):([0-9]*)$/.exec(host);
  const name = match?.[1] ?? match?.[2] ?? host;
  return { labels: name.split('.'), port: match?.[3] ?? '' };
}

function hasBrokenEscape(text: string): boolean {
  return /%(?![0-9A-Fa-f]{2})/.test(text);
}

/** Undoes percent-encoding. Unlike `decodeURIComponent` it accepts bytes that aren't UTF-8, as Go does. */
function percentDecode(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (bytes) =>
    Buffer.from(bytes.replaceAll('%', ''), 'hex').toString(),
  );
}
