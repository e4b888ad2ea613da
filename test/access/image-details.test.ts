import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspect } from '../../src/access/image-details.ts';
import { parseDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { clientFor, clientWith, patient, user } from '../registry/clients.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startScriptedRegistry } from '../support/registry/scripted.ts';

let registry: Registry;
beforeAll(async () => {
  registry = await startRegistry({
    auth: { scheme: 'bearer' },
    users: [{ name: 'ada', password: 'correct-horse', pull: ['*'] }],
  });
});
afterAll(() => registry.close());

const inspected = (digest: string) =>
  inspect(
    clientFor(registry.host),
    parseReference(`${registry.host}/app`),
    parseDigest(digest),
    user('ada'),
    patient(),
  );

test('what stands behind a digest is read with the credential, each part once', async () => {
  const built = image();
  const digest = registry.push('app', undefined, built);
  expect(await inspected(digest)).toEqual({
    mediaType: built.mediaType,
    size: built.bytes.length,
    platforms: ['linux/amd64'],
  });
});

test('an image whose config is out of reach has no platform to tell, and all the rest', async () => {
  const digest = registry.push('app', undefined, image());
  registry.fault = ({ path }) => (path.includes('/blobs/') ? { outcome: { status: 404 } } : undefined);
  expect(await inspected(digest)).toMatchObject({ platforms: [], size: expect.any(Number) });
  registry.fault = undefined;
});

test('a mirror is read as it is resolved by', async () => {
  await using mirror = await startRegistry();
  const built = image();
  const digest = parseDigest(mirror.push('library/nginx', undefined, built));
  const root = new URL(`${mirror.url}/v2/`);
  const client = clientWith({
    'docker.io': { mirrors: [{ root, capabilities: ['pull'], sendCredentials: false }] },
  });
  const inspection = await inspect(client, parseReference('nginx'), digest, undefined, patient());
  expect(inspection).toMatchObject({ size: built.bytes.length, platforms: ['linux/amd64'] });
  expect(mirror.requests.entries.map(({ query }) => query.get('ns'))).toEqual(['docker.io', 'docker.io']);
});

test('a manifest that is not there is a failure', async () => {
  await expect(inspected(`sha256:${'a'.repeat(64)}`)).rejects.toMatchObject({ failure: 'not_found' });
});

const tampered = async (algorithm: string, served: string) => {
  const digest = parseDigest(`${algorithm}:${createHash(algorithm).update('{}').digest('hex')}`);
  await using scripted = await startScriptedRegistry([{ method: 'GET', status: 200, body: served }]);
  const client = clientFor(scripted.host);
  const content = { kind: 'manifest', digest } as const;
  return await client.content(parseReference(`${scripted.host}/app`), content, undefined, patient());
};

test.each(['sha256', 'sha512'])('bytes that are not those of the %s are refused', async (algorithm) => {
  expect((await tampered(algorithm, '{}')).bytes.toString()).toBe('{}');
  await expect(tampered(algorithm, '{ }')).rejects.toMatchObject({ failure: 'digest_mismatch' });
});
