import { describe, expect, test } from 'vitest';
import type { Mirror, RegistrySettings } from '../../src/config/registry-settings.ts';
import { parseRewrite } from '../../src/config/rewrite.ts';
import { parseReference } from '../../src/image/reference.ts';
import { type Image, image } from '../support/registry/image.ts';
import { type RegistryOptions, startRegistry } from '../support/registry/registry.ts';
import { startScriptedRegistry } from '../support/registry/scripted.ts';
import { clientWith, tryResolve, user } from './clients.ts';

const users = [{ name: 'ada', password: 'correct-horse', pull: ['*'] }];

/** A registry and its mirror, each with an image of its own as app:1. */
async function start(options: { registry?: RegistryOptions; mirror?: RegistryOptions } = {}) {
  const registry = await startRegistry({ name: 'registry.example', ...options.registry });
  const mirror = await startRegistry({ name: 'mirror.example', ...options.mirror });
  const digests = {
    registry: registry.push('team/app', '1', image()),
    mirror: mirror.push('team/app', '1', image({ platform: { os: 'linux', architecture: 'arm64' } })),
  };
  const mirrorOf = (fields: Partial<Mirror> = {}): Mirror => ({
    root: new URL(`${mirror.url}/v2/`),
    capabilities: ['pull', 'resolve'],
    sendCredentials: false,
    ...fields,
  });
  return {
    registry,
    mirror,
    digests,
    reference: `${registry.host}/team/app:1`,
    client: (fields: Partial<Mirror> = {}, settings: RegistrySettings = {}) =>
      clientWith({ [registry.host]: { plainHttp: true, mirrors: [mirrorOf(fields)], ...settings } }),
    async [Symbol.asyncDispose]() {
      await Promise.all([registry.close(), mirror.close()]);
    },
  };
}

describe('a mirror', () => {
  test('is asked first, and told which registry is meant', async () => {
    await using it = await start();
    expect(await tryResolve(it.client(), it.reference)).toMatchObject({ digest: it.digests.mirror });
    const [request] = it.mirror.requests.entries;
    expect(`${request?.method} ${request?.path}?${request?.query}`).toBe(
      `HEAD /v2/team/app/manifests/1?ns=${encodeURIComponent(it.registry.host)}`,
    );
    expect(it.registry.requests.entries).toHaveLength(0);
  });

  test('is asked for the repository as it calls it, and the registry as the image does', async () => {
    await using it = await start();
    const digest = it.mirror.push(
      'all/team/app',
      '1',
      image({ platform: { os: 'linux', architecture: 's390x' } }),
    );
    const rewrite = parseRewrite('^(team/.*)', 'all/$1');
    const client = it.client({ rewrites: rewrite === undefined ? [] : [rewrite] });
    expect(await tryResolve(client, it.reference)).toMatchObject({ digest });
    await it.mirror.close();
    expect(await tryResolve(client, it.reference)).toMatchObject({ digest: it.digests.registry });
  });

  test('has its API where its URL says', async () => {
    const found = {
      method: 'HEAD',
      path: '/proxy/hub/team/app/manifests/1',
      headers: {
        'Content-Type': 'application/vnd.oci.image.index.v1+json',
        'Docker-Content-Digest': `sha256:${'a'.repeat(64)}`,
      },
    };
    await using it = await start();
    await using mirror = await startScriptedRegistry([found]);
    const client = it.client({ root: new URL(`${mirror.url}/proxy/hub/`) });
    expect(await tryResolve(client, it.reference)).toHaveProperty('digest');
    expect(mirror.mismatches).toEqual([]);
  });

  test('that may only be pulled from is not asked for tags, but for digests', async () => {
    await using it = await start();
    const client = it.client({ capabilities: ['pull'] });
    expect(await tryResolve(client, it.reference)).toMatchObject({ digest: it.digests.registry });
    expect(it.mirror.requests.entries).toHaveLength(0);
    const byDigest = it.reference.replace(/:1$/, `@${it.digests.mirror}`);
    expect(await tryResolve(client, byDigest)).toMatchObject({ digest: it.digests.mirror });
  });

  test('gets its headers, and the registry does not', async () => {
    await using it = await start();
    it.mirror.delete('team/app', '1');
    await tryResolve(it.client({ headers: { 'x-key': 'correct-horse' } }), it.reference);
    expect(it.mirror.requests.entries.map(({ headers }) => headers['x-key'])).toContain('correct-horse');
    expect(it.registry.requests.entries.map(({ headers }) => headers['x-key'])).toEqual([undefined]);
  });

  test.each([
    ['has no such tag', { outcome: { status: 404 } }],
    ['refuses', { outcome: { status: 403 } }],
    ['wants a password', { outcome: { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } } }],
    ['is in trouble', { outcome: { status: 503 } }],
    ['answers nonsense', { outcome: { status: 200, body: '<html>' } }],
    ['cuts connections', { outcome: 'reset' as const }],
    ['redirects inside', { outcome: { status: 307, headers: { Location: 'http://10.0.0.1/' } } }],
  ])('that %s gives way to the registry', async (_, fault) => {
    await using it = await start();
    it.mirror.fault = fault;
    expect(await tryResolve(it.client(), it.reference)).toMatchObject({ digest: it.digests.registry });
  });

  test('that says nothing gives way in time', { timeout: 15_000 }, async () => {
    await using it = await start();
    it.mirror.fault = { outcome: 'hang' };
    const started = performance.now();
    const signal = AbortSignal.timeout(10_000);
    const resolved = it.client().resolve(parseReference(it.reference), undefined, signal);
    await expect(resolved).resolves.toMatchObject({ digest: it.digests.registry });
    expect(performance.now() - started).toBeLessThan(7_000);
  });

  test("whose token server says nothing doesn't take the rest with it", { timeout: 15_000 }, async () => {
    await using it = await start({ mirror: { auth: { scheme: 'bearer' } } });
    it.mirror.fault = ({ path }) => (path === '/token' ? { outcome: 'hang' } : undefined);
    expect(await tryResolve(it.client(), it.reference)).toMatchObject({ digest: it.digests.registry });
  });
});

describe('credentials', () => {
  const auth = { scheme: 'bearer' } as const;

  test.each([{ scheme: 'basic' } as const, auth])('are not shown to a mirror (%o)', async (scheme) => {
    await using it = await start({ mirror: { auth: scheme, users }, registry: { auth: scheme, users } });
    expect(await tryResolve(it.client(), it.reference, user('ada'))).toMatchObject({
      digest: it.digests.registry,
    });
    const shown = it.mirror.requests.entries.map(({ headers }) => headers.authorization ?? '');
    expect(shown.filter((text) => text.startsWith('Basic'))).toEqual([]);
  });

  test('are shown to a mirror that is configured to get them', async () => {
    await using it = await start({ mirror: { auth, users } });
    const client = it.client({ sendCredentials: true });
    expect(await tryResolve(client, it.reference, user('ada'))).toMatchObject({ digest: it.digests.mirror });
  });
});

describe('when no host answers', () => {
  test("the registry's own word is what is told", async () => {
    await using it = await start();
    it.mirror.fault = { outcome: { status: 500 } };
    it.registry.fault = { outcome: { status: 404 } };
    expect(await tryResolve(it.client(), it.reference)).toMatchObject({ failure: 'not_found' });
  });

  test("the mirror's, if the registry said nothing", async () => {
    await using it = await start();
    it.mirror.fault = { outcome: { status: 404 } };
    await it.registry.close();
    expect(await tryResolve(it.client(), it.reference)).toMatchObject({ failure: 'not_found' });
  });

  test('because none may, that is told', async () => {
    await using it = await start();
    const client = it.client({ capabilities: ['pull'] }, { capabilities: ['pull'] });
    expect(await tryResolve(client, it.reference)).toMatchObject({
      failure: 'forbidden_address',
      message: `the configuration allows no host to resolve tags of ${it.registry.host}`,
    });
  });
});

describe('a server in place of the registry', () => {
  test('is asked with ns, and without credentials', async () => {
    await using it = await start({ mirror: { auth: { scheme: 'basic' }, users } });
    const client = it.client({}, { mirrors: [], root: new URL(`${it.mirror.url}/v2/`) });
    expect(await tryResolve(client, it.reference, user('ada'))).toMatchObject({ failure: 'unauthorized' });
    expect(it.mirror.requests.entries[0]?.query.get('ns')).toBe(it.registry.host);
    expect(it.registry.requests.entries).toHaveLength(0);
  });

  test('that is the registry under its own name gets them', async () => {
    await using it = await start({ registry: { auth: { scheme: 'basic' }, users } });
    const client = it.client({}, { mirrors: [], root: new URL(`${it.registry.url}/v2/`) });
    expect(await tryResolve(client, it.reference, user('ada'))).toMatchObject({
      digest: it.digests.registry,
    });
    expect(it.registry.requests.entries[0]?.query.has('ns')).toBe(false);
  });
});

test('a mirror for all registries stands in for those without settings', async () => {
  await using it = await start();
  const root = new URL(`${it.mirror.url}/v2/`);
  const mirrors: Mirror[] = [{ root, capabilities: ['pull', 'resolve'], sendCredentials: false }];
  const pushed: Image = image();
  const digest = it.mirror.push('library/nginx', '1', pushed);
  const client = clientWith({}, { defaults: { mirrors } });
  expect(await tryResolve(client, 'nginx:1')).toMatchObject({ digest });
  expect(it.mirror.requests.entries[0]?.query.get('ns')).toBe('docker.io');
});

test('a mirror is no way to a metadata service', async () => {
  await using it = await start();
  const root = new URL(`${it.mirror.url}/v2/`);
  const mirrors: Mirror[] = [{ root, capabilities: ['pull', 'resolve'], sendCredentials: false }];
  const client = clientWith({}, { defaults: { mirrors } });
  expect(await tryResolve(client, '169.254.169.254/team/app:1')).toMatchObject({
    failure: 'forbidden_address',
  });
  expect(it.mirror.requests.entries).toHaveLength(0);
});
