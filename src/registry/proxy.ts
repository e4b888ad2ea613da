import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Proxies } from '../config/environment.ts';

/**
 * The proxy that requests to `url` go through, if they do: by the rules of golang.org/x/net/http/httpproxy, which are
 * containerd's, so that tagpin takes the way that the node takes. Unlike undici's own, they know ranges of addresses
 * (`10.0.0.0/8`), as every cluster's NO_PROXY has them, and never send loopback through a proxy.
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
  const { name, wantedPort } = splitEntry(entry);
  if (wantedPort !== undefined && wantedPort !== port) return false;
  if (isIP(name) !== 0) return isIP(host) !== 0 && sameAddress(name, host);
  const suffix = name.replace(/^\*?\.?/, '.');
  return host.endsWith(suffix) || (!/^[*.]/.test(name) && host === name);
}

function splitEntry(entry: string): { name: string; wantedPort: string | undefined } {
  if (isIP(entry) === 6) return { name: entry, wantedPort: undefined };
  const [, bracketed, plain, wantedPort] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  return { name: (bracketed ?? plain ?? entry).replace(/\.$/, ''), wantedPort };
}

function inRange(host: string, range: string): boolean {
  const address = ipaddr.process(host);
  const [start, bits] = ipaddr.parseCIDR(range);
  return address.kind() === start.kind() && address.match(start, bits);
}

const sameAddress = (a: string, b: string) =>
  ipaddr.process(a).toNormalizedString() === ipaddr.process(b).toNormalizedString();
