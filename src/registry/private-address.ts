import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Internal addresses: those that aren't of the public network. Nothing here makes a DNS lookup.
 */

/**
 * The metadata services of clouds, which hand out a machine's credentials. None of them is a registry, so an image that
 * names one is an attack.
 */
const METADATA_ADDRESSES = [
  '169.254.169.254/32', // AWS, Google, Azure, OpenStack and most others
  '169.254.170.2/32', // ECS task credentials
  '169.254.170.23/32', // EKS Pod Identity agent
  '169.254.169.252/32', // GKE, behind 169.254.169.254
  'fd00:ec2::/32', // AWS over IPv6, Pod Identity too
  'fd20:ce::254/128', // Google over IPv6
  '100.100.100.200/32', // Alibaba
  '192.0.0.192/32', // Oracle
  '169.254.0.23/32', // Tencent
  '169.254.42.42/32', // Scaleway
  'fd00:42::42/128', // Scaleway over IPv6
  '168.63.129.16/32', // Azure's WireServer, in a public range
].map((range) => ipaddr.parseCIDR(range));

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Their host names, for when only a proxy looks names up. */
const METADATA_NAMES = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
]);

/**
 * IPv6 ranges that embed IPv4 addresses: NAT64's well-known prefix (RFC 6052), through which an IPv6-only network reaches
 * every IPv4 host, and the deprecated compatible addresses (RFC 4291, 2.5.5.1). ipaddr handles mapped addresses itself.
 */
const EMBEDDING = ['64:ff9b::/96', '::/96'].map((range) => ipaddr.parseCIDR(range));

/** The public part of IPv6 (RFC 4291, 2.4). */
const GLOBAL = ipaddr.parseCIDR('2000::/3');

/** Whether a host name or address, in any spelling that `URL` leaves, is a cloud's metadata service. */
export function isMetadata(hostname: string): boolean {
  const host = normalized(hostname);
  if (METADATA_NAMES.has(host)) return true;
  return translations(parse(host)).some((address) =>
    METADATA_ADDRESSES.some((range) => address.kind() === range[0].kind() && address.match(range)),
  );
}

/**
 * The address itself, and the IPv4 address at the end of an IPv6 address that isn't public: the part before may be a
 * translator's prefix (RFC 8215), and OpenStack has its metadata service at fe80::a9fe:a9fe.
 */
function translations(address: Address | undefined): Address[] {
  if (address === undefined) return [];
  if (address.kind() === 'ipv4' || address.match(GLOBAL)) return [address];
  return [address, ipaddr.fromByteArray(address.toByteArray().slice(-4))];
}

/**
 * Whether a host name or address, in any spelling that `URL` leaves, is internal: loopback, private, link-local,
 * unspecified, shared (RFC 6598) or otherwise not of the public network. The addresses of other names are known only
 * once they are looked up.
 */
export function isInternal(hostname: string): boolean {
  const host = normalized(hostname);
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  const address = parse(host);
  if (address === undefined) return isMetadata(host);
  const isGlobal = address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(GLOBAL));
  return !isGlobal || isMetadata(host);
}

/** The address of a literal; an IPv4 address that is embedded in an IPv6 address is the IPv4 address. */
function parse(host: string): Address | undefined {
  if (isIP(host) === 0) return undefined;
  const address = ipaddr.process(host);
  if (address.kind() === 'ipv6' && EMBEDDING.some((range) => address.match(range))) {
    return ipaddr.fromByteArray(address.toByteArray().slice(-4));
  }
  return address;
}

const normalized = (hostname: string) =>
  hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
