import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The URLs of the environment's proxies, and the hosts to reach without them, in the syntax of NO_PROXY. */
export interface Proxies {
  readonly http: string | undefined;
  readonly https: string | undefined;
  readonly noProxy: string;
}

export const noProxies: Proxies = { http: undefined, https: undefined, noProxy: '' };

/**
 * The proxy for requests to `url`, if there is one, by the rules of golang.org/x/net/http/httpproxy, which containerd
 * and kubectl use too. Unlike undici's rules, they allow address ranges (`10.0.0.0/8`) in NO_PROXY, and never use a proxy for
 * loopback.
 */
export function proxyFor(url: URL, { http, https, noProxy }: Proxies): string | undefined {
  const proxy = url.protocol === 'https:' ? https : http;
  if (proxy === undefined) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || (isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback')) {
    return undefined;
  }
  const entries = noProxy.toLowerCase().split(/[,\s]+/);
  return entries.some((entry) => entry !== '' && matches(entry, host, port)) ? undefined : proxy;
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (ipaddr.isValidCIDR(entry)) return isIP(host) !== 0 && inRange(host, entry);
  const { name, entryPort } = splitEntry(entry);
  if (entryPort !== undefined && entryPort !== port) return false;
  if (isIP(name) !== 0) return isIP(host) !== 0 && sameAddress(name, host);
  if (isIP(host) !== 0) return false;
  const suffix = name.replace(/^(?:\*?\.)?/, '.');
  return host.endsWith(suffix) || (!/^\*?\./.test(name) && host === name);
}

function splitEntry(entry: string): { name: string; entryPort: string | undefined } {
  if (isIP(entry) === 6) return { name: entry, entryPort: undefined };
  const [, bracketed, plain, entryPort] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  return { name: (bracketed ?? plain ?? entry).replace(/\.$/, ''), entryPort };
}

function inRange(host: string, range: string): boolean {
  const address = ipaddr.process(host);
  const [start, bits] = ipaddr.parseCIDR(range);
  return address.kind() === start.kind() && address.match(start, bits);
}

const sameAddress = (a: string, b: string) =>
  ipaddr.process(a).toNormalizedString() === ipaddr.process(b).toNormalizedString();
