import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  canonicalAddress,
  checkRealm,
  checkRedirect,
  isLoopbackRegistry,
} from '../../src/registry/address.ts';
import { RegistryError } from '../../src/registry/error.ts';
import { cases, group, notApplied, prose, testedIn, vectors } from '../support/vectors.ts';

/** Whether `check` lets something through; anything but a RegistryError is a defect. */
function allows(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(RegistryError);
    return false;
  }
}

/** A URL of whatever a vector calls a host. */
const urlOf = (host: string) => new URL(`${isLoopbackRegistry(host) ? 'http' : 'https'}://${host}/v2/`);

vectors('challenge.json', {
  parse: testedIn('test/registry/challenge.test.ts'),
  tokenRequest: testedIn('test/registry/token.test.ts'),
  tokenResponse: testedIn('test/registry/token.test.ts'),
  flows: testedIn('test/registry/client.test.ts'),
  realmPolicy: cases(
    z.object({
      realm: z.string(),
      registryHost: z.string(),
      insecureRegistry: z.boolean(),
      allowed: z.boolean(),
    }),
    ({ realm, registryHost, insecureRegistry, allowed }) =>
      `${registryHost || 'a registry'}${insecureRegistry ? ' over HTTP' : ''} → ${realm}: ${allowed}`,
    ({ realm, registryHost, insecureRegistry, allowed }) => {
      expect(allows(() => checkRealm(realm, { host: registryHost, plainHttp: insecureRegistry }))).toBe(
        allowed,
      );
    },
  ),
  redirectPolicy: cases(
    z.object({ from: z.string(), to: z.string(), allowed: z.boolean(), authorizationForwarded: z.boolean() }),
    ({ from, to, allowed }) => `${from} → ${to}: ${allowed}`,
    ({ from, to, allowed, authorizationForwarded }) => {
      const check = () => checkRedirect(urlOf(from), new URL(to));
      expect(allows(check)).toBe(allowed);
      if (allowed) expect(check().forwardAuthorization).toBe(authorizationForwarded);
    },
  ),
  canonicalAddress: cases(
    z.object({ address: z.string(), scheme: z.enum(['http', 'https']), canonical: z.string() }),
    ({ address, scheme }) => `${scheme} ${address}`,
    ({ address, scheme, canonical }) => expect(canonicalAddress(address, scheme)).toBe(canonical),
  ),
});

vectors('reference.json', {
  fields: prose,
  notes: prose,
  normalized: testedIn('test/image/reference.test.ts'),
  rawParse: testedIn('test/image/reference.test.ts'),
  digestParse: testedIn('test/image/digest.test.ts'),
  plainHttp: group({
    ggcr: notApplied(
      'a private address says nothing about TLS; plain HTTP is for loopback and by configuration',
    ),
    containerd: cases(
      z.object({ host: z.string(), containerdPlainHTTP: z.boolean() }),
      ({ host }) => JSON.stringify(host),
      ({ host, containerdPlainHTTP }) => expect(isLoopbackRegistry(host)).toBe(containerdPlainHTTP),
    ),
  }),
});

describe('a redirect', () => {
  const from = new URL('https://registry.example.com/v2/a/manifests/1');

  test('to another host goes without the credentials', () => {
    expect(checkRedirect(from, new URL('https://cdn.example.com/x'))).toEqual({
      forwardAuthorization: false,
    });
  });

  test('to another port of the host goes without the credentials', () => {
    expect(checkRedirect(from, new URL('https://registry.example.com:8443/x'))).toEqual({
      forwardAuthorization: false,
    });
  });

  test.each([
    'http://registry.example.com/v2/a/manifests/1',
    'https://user:pw@registry.example.com/x',
    'ftp://registry.example.com/x',
    'https://127.0.0.1/x',
    'https://2130706433/x',
    'https://[::ffff:169.254.169.254]/x',
    'https://[fd00:ec2::254]/x',
    'https://localhost/x',
    'https://metadata.localhost./x',
  ])('to %s is not followed', (to) => {
    expect(allows(() => checkRedirect(from, new URL(to)))).toBe(false);
  });
});

describe('a realm', () => {
  const registry = { host: 'registry.example.com', plainHttp: false };

  test.each([
    'https://metadata.google.internal/t',
    'https://metadata.google.internal./t',
    'https://0251.0376.0251.0376/t',
    'https://169.254.169.254./t',
    'https://[64:ff9b::a9fe:a9fe]/t',
    'https://auth.example.com/\r\nt',
    'https://auth.exam\tple.com/t',
  ])('at %j is not asked', (realm) => expect(allows(() => checkRealm(realm, registry))).toBe(false));

  test('at an internal address is asked if the configuration names it', () => {
    const configured = (url: URL) => url.host === '10.0.0.1';
    expect(allows(() => checkRealm('https://10.0.0.1/t', registry, configured))).toBe(true);
    expect(allows(() => checkRealm('https://10.0.0.2/t', registry, configured))).toBe(false);
  });
});
