import { isIPv6 } from 'node:net';
import { globMatch } from './glob.ts';

/**
 * A docker config's key or an image's repository, parsed to be matched with each other: kubernetes
 * pkg/credentialprovider/keyring.go, including the parsing that it leaves to Go's net/url and net.
 */
export interface RegistryKey {
  /** The host with its port. */
  readonly host: string;
  /** The labels of the host; in a key each may be a glob. */
  readonly labels: readonly string[];
  /** Compared as text: no port differs from port 443. */
  readonly port: string;
  readonly path: string;
}

/**
 * The normal form of a docker config's key (`BasicDockerKeyring.Add`): without scheme, user info and query, and without a
 * leading `/v1` or `/v2` if a slash follows. Undefined for a key that isn't a URL, which is ignored.
 */
export function normalizeKey(key: string): string | undefined {
  const parsed = parseKey(key.replace(/^https?:\/\//, ''));
  if (parsed === undefined) return undefined;
  const path = parsed.path.replace(/^\/v[12](?=\/)/, '');
  return path === '/' ? parsed.host : parsed.host + path;
}

/**
 * Parses a key without its scheme, or an image's repository (`ParseSchemelessURL`, Go's `url.Parse`).
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
 * Whether a key matches an image (`URLsMatch`): they have the same port and the same number of labels, each label matches
 * its glob, and the image's path begins with the key's. The prefix needn't end at a slash: `/team` matches `/teams/app`.
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
 * 253 characters of a DNS name, and a port. A longer host can't exist, and matching globs against it would take long.
 */
export const LONGEST_HOST = 253 + ':65535'.length;

/**
 * net/url `parseHost`, without percent-encoding, which Go allows for bytes beyond ASCII and for the zone of an IPv6
 * address. No image name has those, so such a key matches nothing anyway.
 */
function isHost(host: string): boolean {
  if (host.length > LONGEST_HOST) return false;
  if (!host.startsWith('[')) return NAME_AND_PORT.test(host);
  const address = IPV6_AND_PORT.exec(host)?.groups?.['address'] ?? '';
  return isIPv6(address) && !address.includes('%');
}

/** net `SplitHostPort`; an address in brackets keeps the brackets if no port follows. */
function splitHost(host: string): Pick<RegistryKey, 'labels' | 'port'> {
  const match = /^(?:\[([^\]]*)\]|([^\]:]*)):([0-9]*)$/.exec(host);
  const name = match?.[1] ?? match?.[2] ?? host;
  return { labels: name.split('.'), port: match?.[3] ?? '' };
}

function hasBrokenEscape(text: string): boolean {
  return /%(?![0-9A-Fa-f]{2})/.test(text);
}

/** Decodes percent-encoding. Unlike `decodeURIComponent` it accepts bytes that aren't UTF-8, as Go does. */
function percentDecode(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (bytes) =>
    Buffer.from(bytes.replaceAll('%', ''), 'hex').toString(),
  );
}
