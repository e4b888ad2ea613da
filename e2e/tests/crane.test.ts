import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RegistryClient } from '../../src/registry/client.ts';
import { RegistryError } from '../../src/registry/error.ts';
import type { RegistryFailure } from '../../src/registry/failures.ts';
import { clientFor, tryResolve, user } from '../../test/registry/clients.ts';
import {
  dockerImage,
  dockerList,
  type Image,
  image,
  index,
  ociArtifact,
} from '../../test/support/registry/image.ts';
import { type Account, writeDockerConfig } from '../support/account.ts';
import { readCluster } from '../support/cluster.ts';
import { type Result, run } from '../support/command.ts';
import {
  type Namespace,
  type Running,
  reader,
  registries,
  stranger,
  type TriedRegistry,
} from './registries.ts';

const { programs, directory } = readCluster();

const platforms = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64', variant: 'v8' },
];
const ociPlatforms = () => platforms.map((platform) => image({ platform }));
const dockerPlatforms = () => platforms.map((platform) => dockerImage({ platform }));

const kinds: Readonly<Record<string, () => Image>> = {
  'an OCI index': () => index(ociPlatforms()),
  'an OCI index without a media type in it': () => index(ociPlatforms(), { withoutMediaType: true }),
  'a single OCI manifest': () => image(),
  'a Docker manifest list': () => dockerList(dockerPlatforms()),
  'a single Docker manifest': () => dockerImage(),
  'an artifact that is no image': () => ociArtifact({ artifactType: 'application/vnd.example.sbom' }),
  'an artifact with a configuration of its own': () =>
    ociArtifact({ configMediaType: 'application/vnd.cncf.helm.config.v1+json' }),
  'an index of images and artifacts': () =>
    index([image(), ociArtifact({ artifactType: 'application/vnd.example.sbom' })]),
};

/** The images to resolve at a registry that has `app:1.0` in each of its namespaces. */
interface Question {
  readonly about: string;
  readonly image: string;
  readonly as?: Account;
  /** The expected failure; if not set, a digest is expected. */
  readonly failure?: RegistryFailure;
}

const wrong = { ...reader, password: 'not-the-password' };
const absentDigest = `sha256:${'0'.repeat(64)}`;

const about: Readonly<Record<Namespace, readonly Question[]>> = {
  team: [
    { about: 'a private repository, for its account', image: 'team/app:1.0', as: reader },
    {
      about: 'a private repository, for a wrong password',
      image: 'team/app:1.0',
      as: wrong,
      failure: 'unauthorized',
    },
    { about: 'a private repository, for nobody', image: 'team/app:1.0', failure: 'unauthorized' },
    { about: 'an absent tag, for the account', image: 'team/app:absent', as: reader, failure: 'not_found' },
    {
      about: 'an absent repository, for the account',
      image: 'team/absent:1.0',
      as: reader,
      failure: 'not_found',
    },
    {
      about: 'an absent repository that may be private, for nobody',
      image: 'team/absent:1.0',
      failure: 'unauthorized',
    },
  ],
  everyone: [
    { about: 'a repository for everyone, for nobody', image: 'everyone/app:1.0' },
    { about: 'a repository for everyone, for an account', image: 'everyone/app:1.0', as: reader },
    { about: 'an absent tag', image: 'everyone/app:absent', failure: 'not_found' },
    { about: 'an absent digest', image: `everyone/app@${absentDigest}`, failure: 'not_found' },
    { about: 'an absent repository', image: 'everyone/absent:1.0', failure: 'not_found' },
  ],
};

function questionsTo({ namespaces, toStranger }: TriedRegistry): Question[] {
  const questions = namespaces.flatMap((namespace) => about[namespace]);
  if (toStranger !== undefined) {
    questions.push({
      about: "a private repository, for somebody else's account",
      image: 'team/app:1.0',
      as: stranger,
      failure: toStranger,
    });
  }
  // A registry without accounts accepts any password.
  if (namespaces.includes('team') && namespaces.includes('everyone')) {
    questions.push({
      about: 'a repository for everyone, for a wrong password',
      image: 'everyone/app:1.0',
      as: wrong,
      failure: 'unauthorized',
    });
  }
  return questions;
}

/** The failure as crane prints it: the status, or its error code. */
const inCranesWords: Partial<Record<RegistryFailure, RegExp>> = {
  unauthorized: /\b401 Unauthorized\b|\bUNAUTHORIZED\b/,
  denied: /\b403 Forbidden\b|\bDENIED\b/,
  not_found: /\b404 Not Found\b|\b(MANIFEST|NAME)_UNKNOWN\b/,
};

for (const tried of registries)
  describe(`${tried.title}: tagpin and crane find the same for`, () => {
    const scope = tried.namespaces[0] ?? 'everyone';
    const account = scope === 'team' ? reader : undefined;
    let folder: string;
    let registry: Running;
    let experienced: RegistryClient;
    beforeAll(async () => {
      folder = mkdtempSync(join(directory, 'registry-'));
      registry = await tried.start(join(folder, 'registry'), programs);
      experienced = newClient();
      for (const namespace of tried.namespaces) await registry.push(`${namespace}/app`, '1.0', image());
    });
    afterAll(async () => {
      await registry?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    const newClient = () => clientFor(registry.host, ...(registry.tokenServer ? [registry.tokenServer] : []));
    const byCrane = (image: string, as?: Account): Promise<Result> => {
      const dockerConfig = join(folder, 'docker');
      writeDockerConfig(dockerConfig, registry.host, as);
      const env = { DOCKER_CONFIG: dockerConfig };
      return run([programs.crane, 'digest', `${registry.host}/${image}`], { env });
    };
    /** Resolved by a new client, and by one that has resolved everything else and so has all tokens. */
    const byTagpin = async (image: string, as?: Account): Promise<string> => {
      const found: string[] = [];
      for (const client of [newClient(), experienced]) {
        const credential = as && user(as.username, as.password);
        const answer = await tryResolve(client, `${registry.host}/${image}`, credential);
        found.push(answer instanceof RegistryError ? answer.failure : answer.digest);
      }
      expect(found[1]).toBe(found[0]);
      return found[0] ?? '';
    };

    for (const [kind, build] of Object.entries(kinds))
      test(kind, async () => {
        const pushed = build();
        await registry.push(`${scope}/kinds`, pushed.digest.slice(-12), pushed);
        const reference = `${scope}/kinds:${pushed.digest.slice(-12)}`;
        expect(await byTagpin(reference, account)).toBe(pushed.digest);
        expect((await byCrane(reference, account)).stdout.trim()).toBe(pushed.digest);
      });

    test('a tag with a digest', async () => {
      const pushed = index(ociPlatforms());
      await registry.push(`${scope}/both`, '1.0', pushed);
      const reference = `${scope}/both:1.0@${pushed.digest}`;
      expect(await byTagpin(reference, account)).toBe(pushed.digest);
      expect((await byCrane(reference, account)).stdout.trim()).toBe(pushed.digest);
    });

    for (const { about, image, as, failure } of questionsTo(tried))
      test(`${about}: ${failure ?? 'the digest'}`, async () => {
        const [found, { code, stdout, stderr }] = [await byTagpin(image, as), await byCrane(image, as)];
        if (failure === undefined) {
          expect({ code, digest: stdout.trim() }).toEqual({ code: 0, digest: found });
        } else {
          expect(found).toBe(failure);
          expect(code).not.toBe(0);
          expect(stderr).toMatch(inCranesWords[failure] ?? 'no words for it');
        }
      });
  });
