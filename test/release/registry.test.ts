import { afterEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { attach, getBlob, getManifest, openRegistry, referrers } from '../../release/registry.ts';
import { makeFolder } from '../support/folder.ts';
import { image } from '../support/registry/image.ts';
import { type RegistryOptions, startRegistry } from '../support/registry/registry.ts';

afterEach(() => void vi.unstubAllEnvs());

const manifest = z.object({ layers: z.tuple([z.object({ digest: z.string() })]) });

const file = (artifactType: string, text: string) => ({
  artifactType,
  content: Buffer.from(text),
  title: 'file',
});

/** A registry with an image, and the image's descriptor. */
async function withImage(options: RegistryOptions = {}) {
  const server = await startRegistry(options);
  const released = image();
  server.push('team/app', '1.0', released);
  const { mediaType, digest, bytes } = released;
  const registry = openRegistry(server.host, undefined);
  return { server, registry, subject: { mediaType, digest, size: bytes.length } };
}

test('an artifact is attached to an image beside those that others have attached', async () => {
  const { server, registry, subject } = await withImage();
  await using _ = server;
  const first = await attach(registry, 'team/app', subject, file('application/x-signature', 'signed'));
  const second = await attach(registry, 'team/app', subject, file('application/x-bill', 'parts'));
  const again = await attach(registry, 'team/app', subject, file('application/x-bill', 'parts'));
  expect(again).toBe(second);
  expect(await referrers(registry, 'team/app', subject.digest, 'application/x-signature')).toEqual([first]);
  expect(await referrers(registry, 'team/app', subject.digest, 'application/x-bill')).toEqual([second]);
});

test('what was attached can be read from its manifest', async () => {
  const { server, registry, subject } = await withImage();
  await using _ = server;
  const digest = await attach(registry, 'team/app', subject, file('application/x-bill', 'parts'));
  const { content, descriptor } = await getManifest(registry, 'team/app', digest);
  expect(descriptor.digest).toBe(digest);
  expect(content).toMatchObject({ subject, artifactType: 'application/x-bill' });
  const [layer] = manifest.parse(content).layers;
  expect((await getBlob(registry, 'team/app', layer.digest)).toString()).toBe('parts');
});

const account = { name: 'robot', password: 'release-secret', pull: ['*'], push: ['*'] };

test.each(['basic', 'bearer'] as const)('by %s, the docker config has the credentials', async (scheme) => {
  const { server, registry, subject } = await withImage({ users: [account], auth: { scheme } });
  await using _ = server;
  const auth = Buffer.from(`${account.name}:${account.password}`).toString('base64');
  using folder = makeFolder({ 'config.json': JSON.stringify({ auths: { [server.host]: { auth } } }) });
  vi.stubEnv('DOCKER_CONFIG', folder.path);
  const digest = await attach(registry, 'team/app', subject, file('application/x-bill', 'parts'));
  expect(await referrers(registry, 'team/app', subject.digest, 'application/x-bill')).toEqual([digest]);
});

test('without credentials, the error says for which registry they are missing', async () => {
  const { server, registry, subject } = await withImage({ users: [account], auth: { scheme: 'bearer' } });
  await using _ = server;
  using folder = makeFolder();
  vi.stubEnv('DOCKER_CONFIG', folder.path);
  await expect(attach(registry, 'team/app', subject, file('application/x-bill', 'parts'))).rejects.toThrow(
    `has no credentials for ${server.host}: log in first`,
  );
});

test.each([
  ['localhost:5000', undefined, true],
  ['127.0.0.1:5000', undefined, true],
  ['localhost:5000', 'ca.crt', false],
  ['ghcr.io', undefined, false],
  ['localhost.example.com', undefined, false],
])('%s with the CA %s is called without TLS: %s', (host, caFile, plainHttp) => {
  expect(openRegistry(host, caFile).plainHttp).toBe(plainHttp);
});
