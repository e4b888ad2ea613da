import type { LookupFunction } from 'node:net';
import { describe, expect, test } from 'vitest';
import { RegistryError } from '../../src/registry/error.ts';
import { image } from '../support/registry/image.ts';
import { startRegistry } from '../support/registry/registry.ts';
import { startScriptedRegistry } from '../support/registry/scripted.ts';
import type { ScriptedResponse } from '../support/registry/scripted-response.ts';
import { clientFor, clientWith, everythingIsHere, tryResolve, user } from './clients.ts';

const failureOf = (result: Awaited<ReturnType<typeof tryResolve>>) =>
  result instanceof RegistryError ? result.failure : 'resolved';

/** Names lead to the addresses given, everything else to this machine. */
const leadsTo =
  (addresses: Record<string, string>): LookupFunction =>
  (hostname, options, callback) => {
    const address = addresses[hostname];
    if (address === undefined) everythingIsHere(hostname, options, callback);
    else if (options.all) callback(null, [{ address, family: address.includes(':') ? 6 : 4 }]);
    else callback(null, address, 4);
  };

const MANIFEST: ScriptedResponse = {
  method: 'HEAD',
  status: 200,
  headers: {
    'Content-Type': 'application/vnd.oci.image.index.v1+json',
    'Docker-Content-Digest': `sha256:${'a'.repeat(64)}`,
  },
};
const challenge: ScriptedResponse = {
  method: 'HEAD',
  status: 401,
  headers: { 'WWW-Authenticate': 'Bearer realm="http://auth.example/token"' },
};
const token: ScriptedResponse = { method: 'GET', host: 'auth.example', body: '{"token":"t"}' };
const redirect: ScriptedResponse = {
  method: 'HEAD',
  status: 307,
  headers: { Location: 'http://auth.example/x' },
};

const inside = [
  '127.0.0.1',
  '10.0.0.1',
  '169.254.169.254',
  '169.254.170.23',
  '100.64.0.1',
  '0.0.0.0',
  '::1',
  'fd00:ec2::254',
  '::ffff:10.0.0.1',
  '64:ff9b::a9fe:a9fe',
];

describe('a public name that resolves to a private address', () => {
  /** With the real notion of inside, in which this machine is too. */
  const start = async (steps: ScriptedResponse[], address: string) => {
    const registry = await startScriptedRegistry(steps, { name: 'registry.example', standInNames: true });
    const client = clientWith(
      { [registry.host]: { plainHttp: true } },
      { lookup: leadsTo({ 'auth.example': address }), isInternal: undefined },
    );
    return { registry, ask: () => tryResolve(client, `${registry.host}/a/b:t`, user('ada')) };
  };

  test.each(inside)('is no token server (%s)', async (address) => {
    const { registry, ask } = await start([challenge, token, MANIFEST], address);
    await using _ = registry;
    const result = await ask();
    expect(failureOf(result)).toBe('forbidden_address');
    expect(String(result)).not.toContain(address);
    expect(registry.requests.entries).toHaveLength(1);
  });

  test.each(inside)('is not followed to (%s)', async (address) => {
    const { registry, ask } = await start([redirect, { ...MANIFEST, host: 'auth.example' }], address);
    await using _ = registry;
    expect(failureOf(await ask())).toBe('forbidden_address');
    expect(registry.requests.entries).toHaveLength(1);
  });

  test('is a token server if the configuration names it', async () => {
    const steps = [challenge, token, MANIFEST];
    await using registry = await startScriptedRegistry(steps, {
      name: 'registry.example',
      standInNames: true,
    });
    const settings = { [registry.host]: { plainHttp: true } };
    const client = clientWith(
      { ...settings, [registry.standIn('auth.example').host]: { plainHttp: true } },
      { isInternal: undefined },
    );
    expect(failureOf(await tryResolve(client, `${registry.host}/a/b:t`))).toBe('resolved');
  });

  test('is no token server behind a redirect of one either', async () => {
    const toInside: ScriptedResponse = {
      method: 'GET',
      host: 'auth.example',
      status: 307,
      headers: { Location: 'http://rebound.example/token' },
    };
    const atInside: ScriptedResponse = { method: 'GET', host: 'rebound.example', body: '{"token":"t"}' };
    await using registry = await startScriptedRegistry([challenge, toInside, atInside], {
      name: 'registry.example',
      standInNames: true,
    });
    const client = clientWith(
      { [registry.host]: { plainHttp: true } },
      { lookup: leadsTo({ 'rebound.example': '10.0.0.1' }) },
    );
    expect(failureOf(await tryResolve(client, `${registry.host}/a/b:t`))).toBe('forbidden_address');
    expect(registry.requests.entries).toHaveLength(2);
  });

  test('is resolved for each connection, which goes to the checked address', async () => {
    const steps = [challenge, token, MANIFEST];
    await using registry = await startScriptedRegistry(steps, {
      name: 'registry.example',
      standInNames: true,
    });
    let lookups = 0;
    const rebinding: LookupFunction = (hostname, options, callback) => {
      const address = hostname === 'auth.example' && lookups++ > 0 ? '10.0.0.1' : '127.0.0.1';
      if (options.all) callback(null, [{ address, family: 4 }]);
      else callback(null, address, 4);
    };
    const client = clientWith({ [registry.host]: { plainHttp: true } }, { lookup: rebinding });
    expect(failureOf(await tryResolve(client, `${registry.host}/a/b:t`))).toBe('resolved');
    expect(lookups).toBe(1);
  });

  test('one private address among public ones is enough', async () => {
    await using registry = await startScriptedRegistry([challenge, token, MANIFEST], {
      name: 'registry.example',
      standInNames: true,
    });
    const mixed: LookupFunction = (hostname, options, callback) => {
      if (hostname !== 'auth.example') return everythingIsHere(hostname, options, callback);
      callback(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ]);
    };
    const client = clientWith({ [registry.host]: { plainHttp: true } }, { lookup: mixed });
    expect(failureOf(await tryResolve(client, `${registry.host}/a/b:t`))).toBe('forbidden_address');
  });
});

describe('a metadata service is no registry', () => {
  test.each([
    '169.254.169.254/latest/meta-data',
    '169.254.169.254:80/latest',
    '169.254.170.2/v2',
    '169.254.170.23/v1',
    '2852039166:80/latest',
    '0xA9FEA9FE/latest',
    '0251.0376.0251.0376/latest',
    '[::ffff:169.254.169.254]/latest',
    '[fd00:ec2::254]/latest',
    'metadata.google.internal/computeMetadata',
    'metadata.google.internal.:80/x',
  ])('in %s', async (image) => {
    const host = image.slice(0, image.indexOf('/'));
    for (const client of [clientFor(), clientFor(host)]) {
      const result = await client
        .resolve(
          { original: image, name: image, domain: host, path: 'a', tag: 't' },
          undefined,
          AbortSignal.timeout(2_000),
        )
        .catch((error: unknown) => error);
      expect(result).toMatchObject({ failure: 'forbidden_address' });
    }
  });

  test.each(['169.254.169.254', 'fd00:ec2::254', '::ffff:169.254.169.254'])(
    'nor under a name that leads to %s, whatever the configuration says',
    async (address) => {
      const lookup = leadsTo({ 'registry.example': address });
      const client = clientWith({ 'registry.example': { plainHttp: true } }, { lookup });
      expect(failureOf(await tryResolve(client, 'registry.example/a:1'))).toBe('forbidden_address');
    },
  );
});

describe('private registries', () => {
  test('are fine when an image names them', async () => {
    await using registry = await startRegistry();
    registry.push('app', '1', image());
    const client = clientWith({}, { isInternal: undefined });
    expect(failureOf(await tryResolve(client, `${registry.host}/app:1`))).toBe('resolved');
  });

  test.each(['127.0.0.1', 'registry.example'])('can be denied (%s)', async (name) => {
    await using registry = await startRegistry({ name });
    registry.push('app', '1', image());
    const client = clientWith({}, { isInternal: undefined, denyPrivateRegistries: true });
    expect(failureOf(await tryResolve(client, `${registry.host}/app:1`))).toBe('forbidden_address');
    expect(registry.requests.entries).toHaveLength(0);
  });

  test.each(['127.0.0.1', 'registry.example'])('are not denied if configured (%s)', async (name) => {
    await using registry = await startRegistry({ name });
    registry.push('app', '1', image());
    const client = clientWith(
      { [registry.host]: { plainHttp: true } },
      { isInternal: undefined, denyPrivateRegistries: true },
    );
    expect(failureOf(await tryResolve(client, `${registry.host}/app:1`))).toBe('resolved');
  });
});
