import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Which addresses are inside: those that mean something else to whoever runs tagpin than to the world. None of this
 * looks anything up.
 */

/**
 * Where clouds hand out their machines' credentials. Nobody has a registry there, and an image that names one of
 * these as its registry wants something else.
 */
const METADATA_ADDRESSES = [
  '169.254.169.254/32', // AWS, Google, Azure, OpenStack and most others
  '169.254.170.2/32', // ECS task credentials
  '169.254.170.23/32', // EKS Pod Identity agent
  '169.254.169.252/32', // GKE, behind the address of all
  'fd00:ec2::/32', // AWS over IPv6, Pod Identity too
  'fd20:ce::254/128', // Google over IPv6
  '100.100.100.200/32', // Alibaba
  '192.0.0.192/32', // Oracle
  '169.254.0.23/32', // Tencent
  '169.254.42.42/32', // Scaleway
  'fd00:42::42/128', // Scaleway over IPv6
  '168.63.129.16/32', // Azure's WireServer, which is a public address only by its number
].map((range) => ipaddr.parseCIDR(range));

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** By name too, for where only a proxy looks names up. */
const METADATA_NAMES = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
]);

/**
 * IPv4 in IPv6's clothes: NAT64's well-known prefix (RFC 6052), in which an IPv6-only network sees every IPv4 host,
 * and the compatible addresses of old (RFC 4291, 2.5.5.1). Mapped ones are ipaddr's own business.
 */
const EMBEDDING = ['64:ff9b::/96', '::/96'].map((range) => ipaddr.parseCIDR(range));

/** All of IPv6 that has been given to the public network (RFC 4291, 2.4). */
const GLOBAL = ipaddr.parseCIDR('2000::/3');

/** Whether a host name or address, in any spelling that `URL` leaves, is a cloud's metadata service. */
export function isMetadata(hostname: string): boolean {
  const host = bare(hostname);
  if (METADATA_NAMES.has(host)) return true;
  return translations(parse(host)).some((address) =>
    METADATA_ADDRESSES.some((range) => address.kind() === range[0].kind() && address.match(range)),
  );
}

/**
 * The address itself, and the IPv4 address at the end of an IPv6 one that isn't of the public network: what is before
 * it may be a translator's prefix (RFC 8215), and OpenStack has its metadata at fe80::a9fe:a9fe.
 */
function translations(address: Address | undefined): Address[] {
  if (address === undefined) return [];
  if (address.kind() === 'ipv4' || address.match(GLOBAL)) return [address];
  return [address, ipaddr.fromByteArray(address.toByteArray().slice(-4))];
}

/**
 * Whether a host name or address, in any spelling that `URL` leaves, can only be meant by something inside: loopback,
 * private, link-local, unspecified, shared (RFC 6598) or otherwise not of the public network. Of other names this says
 * nothing: what they lead to is known when it is looked up.
 */
export function isInternal(hostname: string): boolean {
  const host = bare(hostname);
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  const address = parse(host);
  if (address === undefined) return isMetadata(host);
  const isGlobal = address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(GLOBAL));
  return !isGlobal || isMetadata(host);
}

/** The address that a literal stands for: an IPv4 address stays one in IPv6's clothes. */
function parse(host: string): Address | undefined {
  if (isIP(host) === 0) return undefined;
  const address = ipaddr.process(host);
  if (address.kind() === 'ipv6' && EMBEDDING.some((range) => address.match(range))) {
    return ipaddr.fromByteArray(address.toByteArray().slice(-4));
  }
  return address;
}

const bare = (hostname: string) =>
  hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
