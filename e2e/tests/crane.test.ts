import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseReference } from '../../src/image/reference.ts';
import { clientFor, patient, user } from '../../test/registry/clients.ts';
import { dockerImage, dockerList, image, index } from '../../test/support/registry/image.ts';
import { startRegistry as startEmbeddedRegistry } from '../../test/support/registry/registry.ts';
import { readCluster } from '../support/cluster.ts';
import { createCrane } from '../support/crane.ts';
import { push } from '../support/push.ts';
import { debianRegistry, startCraneRegistry, startRegistry } from '../support/registry.ts';

const { programs, directory } = readCluster();
const account = { username: 'ada', password: 'e2e-secret' };

const platforms = () => [
  image({ platform: { os: 'linux', architecture: 'amd64' } }),
  image({ platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }),
];
const dockerPlatforms = () => [
  dockerImage({ platform: { os: 'linux', architecture: 'amd64' } }),
  dockerImage({ platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }),
];

const kinds = [
  { kind: 'an OCI index', build: () => index(platforms()) },
  {
    kind: 'an OCI index without a media type in it',
    build: () => index(platforms(), { withoutMediaType: true }),
  },
  { kind: 'a single OCI manifest', build: () => image() },
  { kind: 'a Docker manifest list', build: () => dockerList(dockerPlatforms()) },
  { kind: 'a single Docker manifest', build: () => dockerImage() },
];

const registries = [
  {
    title: 'the registry of the tests',
    start: (_folder: string) =>
      startEmbeddedRegistry().then(({ host, close }) => ({ address: host, stop: close })),
  },
  {
    title: 'distribution v3',
    start: (folder: string) => startRegistry({ binary: programs.registry, directory: folder }),
  },
  {
    title: "Debian's docker-registry 2.8, with an account",
    account,
    start: (folder: string) => startRegistry({ binary: debianRegistry, directory: folder, auth: account }),
  },
  {
    title: "go-containerregistry's own",
    start: (folder: string) => startCraneRegistry(programs.crane, folder),
  },
];

for (const { title, start, account } of registries)
  describe(`against ${title}, the digest is the one that crane gives, for`, () => {
    let folder: string;
    let registry: Awaited<ReturnType<typeof start>>;
    beforeAll(async () => {
      folder = mkdtempSync(join(directory, 'registry-'));
      registry = await start(folder);
    });
    afterAll(async () => {
      await registry.stop();
      rmSync(folder, { recursive: true });
    });

    const craneDigest = (reference: string) => {
      const dockerConfig = join(folder, 'docker');
      const auth = account && Buffer.from(`${account.username}:${account.password}`).toString('base64');
      mkdirSync(dockerConfig, { recursive: true });
      writeFileSync(
        join(dockerConfig, 'config.json'),
        JSON.stringify({ auths: auth ? { [registry.address]: { auth } } : {} }),
      );
      return createCrane({ crane: programs.crane, dockerConfig })('digest', reference);
    };
    const resolve = async (reference: string) => {
      const credential = account && user(account.username, account.password);
      const client = clientFor(registry.address);
      return (await client.resolve(parseReference(reference), credential, patient())).digest;
    };
    const pushed = async (name: string, build: (typeof kinds)[number]['build']) => {
      const built = build();
      await push({ host: registry.address, ...(account && { account }) }, `team/${name}`, '1.0', built);
      return { reference: `${registry.address}/team/${name}:1.0`, digest: built.digest };
    };

    kinds.forEach(({ kind, build }, number) => {
      test(kind, async () => {
        const { reference, digest } = await pushed(`app${number}`, build);
        const resolved = await resolve(reference);
        expect(resolved).toBe(await craneDigest(reference));
        expect(resolved).toBe(digest);
      });
    });

    test('a tag with a digest', async () => {
      const { reference, digest } = await pushed('both', () => index(platforms()));
      expect(await resolve(`${reference}@${digest}`)).toBe(await craneDigest(`${reference}@${digest}`));
    });
  });
