import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CredentialError } from '../../src/credentials/credential.ts';
import type { CredentialSources } from '../../src/credentials/credential-sources.ts';
import { createKeyring } from '../../src/credentials/keyring.ts';
import { PodCredentials } from '../../src/credentials/pod-credentials.ts';
import type { PullCredentials } from '../../src/credentials/pull-secrets.ts';
import { sha256 } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { Decided } from '../../src/pin/decide.ts';
import { RegistryError } from '../../src/registry/error.ts';
import { type PinContext, pinImages } from '../../src/resolve/pin-images.ts';
import { user } from '../registry/clients.ts';

const field = (image: string): Decided['field'] => ({
  place: 'container',
  name: 'web',
  image,
  pointer: '/spec/containers/0/image',
  policyPointer: '/spec/containers/0/imagePullPolicy',
  pullPolicy: undefined,
});
const wanted = (image: string): Decided => ({
  field: field(image),
  decision: { action: 'resolve', reference: parseReference(image) },
});
const left: Decided = { field: field('x'), decision: { action: 'leave', reason: 'digest' } };

/** Notes for which repositories credentials were asked for. */
function context(
  overrides: Partial<Pick<PinContext, 'resolver'>> & {
    find?: CredentialSources['find'];
    readSecrets?: () => Promise<PullCredentials>;
  } = {},
) {
  const asked: string[] = [];
  const {
    resolver = {
      resolve: async () => ({
        digest: sha256('x'),
        source: 'registry',
        credential: undefined,
        requests: 1,
      }),
    },
    find = async (repository) => {
      asked.push(repository);
      return { credentials: [user('ada')], failures: [] };
    },
    readSecrets = async () => ({ keyring: createKeyring([]), missing: [] }),
  } = overrides;
  const signal = AbortSignal.timeout(5_000);
  const all: PinContext = {
    resolver,
    credentials: new PodCredentials({ find }, readSecrets, signal),
    signal,
  };
  return { all, asked };
}

test('credentials are read once for each repository, and only if an image must be resolved', async () => {
  const { all, asked } = context();
  const images = ['quay.io/a:1', 'quay.io/a:2', 'quay.io/a:1', 'nginx', 'docker.io/library/nginx:1.27'];
  const { outcomes } = await pinImages([left, ...images.map(wanted)], all);
  expect(asked).toEqual(['quay.io/a', 'docker.io/library/nginx']);
  expect(outcomes.map(({ result }) => result)).toEqual(['left', ...images.map(() => 'pinned')]);
});

test('nothing is read if nothing must be resolved', async () => {
  const { all, asked } = context({ readSecrets: () => Promise.reject(new Error('asked')) });
  expect((await pinImages([left], all)).outcomes).toMatchObject([{ result: 'left' }]);
  expect(asked).toEqual([]);
});

test('a failed source is reported with the image that needed it', async () => {
  const failure = new CredentialError('ECR', 'ECR gives no token: access denied', 'grant it');
  const { all } = context({
    find: async () => ({ credentials: [], failures: [failure] }),
    resolver: { resolve: () => Promise.reject(new RegistryError('unauthorized', 'no', { status: 401 })) },
  });
  expect((await pinImages([wanted('quay.io/a:1')], all)).outcomes).toMatchObject([
    {
      result: 'failed',
      failure: { cause: 'access refused (401); ECR gives no token: access denied', remedy: 'grant it' },
    },
  ]);
});

test('a large pod has 50 images worked on at once, so that what it waits for lets others in between', async () => {
  let [underWay, most] = [0, 0];
  const resolve = async () => {
    most = Math.max(most, ++underWay);
    await nextTurn();
    underWay--;
    return { digest: sha256('x'), source: 'registry' as const, credential: undefined, requests: 1 };
  };
  const { all } = context({ resolver: { resolve } });
  const images = Array.from({ length: 500 }, (_, index) => wanted(`quay.io/a:${index}`));
  const { outcomes } = await pinImages(images, all);
  expect(most).toBe(50);
  expect(outcomes.map(({ field: { image } }) => image)).toEqual(images.map(({ field: { image } }) => image));
});
