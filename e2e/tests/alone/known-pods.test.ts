import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { printWrittenImages } from '../../../src/pin/annotations.ts';
import { type AdmittedPod, admissionOf, admittedSchema } from '../../support/admission.ts';
import { anyKnownPod } from '../../support/any-known-pod.ts';
import { readCluster } from '../../support/cluster.ts';
import { Images } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import { type KnownPod, placeKnown } from '../../support/known-pod.ts';
import { knownPods } from '../../support/known-pods.ts';
import { knownRolloutsOf } from '../../support/known-rollouts.ts';
import { createNamespace, type Namespace } from '../../support/namespace.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { until } from '../../support/until.ts';

const cluster = readCluster();
const images = new Images(cluster);
const tagpin = tagpinOf(cluster);
const policies = knownRolloutsOf(cluster, installationOf(cluster));
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

/** The admitted pod, or the message of its refusal. */
type Answer = AdmittedPod | string;
/** Pinned by the webhook, by the policies and the webhook, by the policies alone, and not at all. */
interface Answers {
  readonly webhook: Answer;
  readonly both: Answer;
  readonly alone: Answer;
  readonly nobody: Answer;
  /** As `alone`, with policies configured for `pin.keepTag` and `pin.pullPolicy: keep`. */
  readonly keeping: Answer;
}

const table = knownPods('REAL');
const random = fc.sample(anyKnownPod, { numRuns: 60, seed: SEED });
let answers: Answers[];

beforeAll(async () => {
  await using started = new AsyncDisposableStack();
  const create = async (mode?: 'best-effort', takesPart = false): Promise<Namespace> => {
    const namespace = started.use(await createNamespace(cluster, mode));
    if (takesPart) await policies.letTakePart(namespace);
    return namespace;
  };
  const admission = started.use(admissionOf(cluster));
  await policies.install('labelled');
  const { tagged } = await images.push();
  const known = [...knownPods(tagged), ...random];
  const placed = async (namespace: Namespace) => {
    const pods = await placeKnown(namespace, known);
    return async () => {
      const all: Answer[] = [];
      for (const pod of pods) all.push(await admission.admit(namespace, pod).catch(String));
      return all;
    };
  };
  const [askWebhook, ask, askNobody] = [
    await placed(await create('best-effort')),
    await placed(await create('best-effort', true)),
    await placed(await create()),
  ];
  const [webhook, both, nobody] = await Promise.all([askWebhook(), ask(), askNobody()]);
  await tagpin.stop();
  const alone = await ask();
  await policies.configure(['true', "'keep'"]);
  const ofJob = table.findIndex(({ of }) => of === 'Job');
  const keeping = await until('the policies to be configured', async () => {
    const all = await ask();
    return JSON.stringify(all[ofJob]).includes(':1.2@sha256:') ? all : undefined;
  });
  answers = known.map((_, index) => ({
    webhook: webhook[index] ?? '',
    both: both[index] ?? '',
    alone: alone[index] ?? '',
    nobody: nobody[index] ?? '',
    keeping: keeping[index] ?? '',
  }));
}, 180_000);
afterAll(async () => {
  await policies.rest();
  await tagpin.start();
}, 90_000);

const writtenSchema = z.record(z.string(), z.string());

/** The pod as the webhook pins it, except these containers, which stay as written. */
function without(left: readonly string[], { webhook, nobody }: Answers): Answer {
  if (left.length === 0 || typeof webhook === 'string' || typeof nobody === 'string') return webhook;
  const swap = (list: 'containers' | 'initContainers') =>
    webhook.spec[list].map((each, index) =>
      left.includes(each.name) ? (nobody.spec[list][index] ?? each) : each,
    );
  const written = writtenSchema.parse(JSON.parse(webhook.metadata.annotations['tagpin.dev/images'] ?? '{}'));
  const images = printWrittenImages(
    new Map(Object.entries(written).filter(([name]) => !left.includes(name))),
  );
  return {
    metadata: {
      ...webhook.metadata,
      annotations: { ...webhook.metadata.annotations, 'tagpin.dev/images': images },
    },
    spec: { ...webhook.spec, containers: swap('containers'), initContainers: swap('initContainers') },
  };
}

/** The pod as the webhook pins it, with its original tags and pull policies. */
function keepingOf({ webhook, nobody }: Answers): Answer {
  if (typeof webhook !== 'object' || typeof nobody !== 'object') return webhook;
  const pinned = (image: string, written = '') =>
    image === written ? image : written + image.slice(image.indexOf('@'));
  const keep = (list: 'containers' | 'initContainers') =>
    webhook.spec[list].map((each, index) => {
      const written = nobody.spec[list][index];
      return {
        ...each,
        image: pinned(each.image, written?.image),
        imagePullPolicy: written?.imagePullPolicy,
      };
    });
  const volumes = webhook.spec.volumes.map((each, index) => {
    const written = nobody.spec.volumes[index]?.image;
    return each.image
      ? { ...each, image: { ...written, reference: pinned(each.image.reference, written?.reference) } }
      : each;
  });
  const spec = {
    ...webhook.spec,
    containers: keep('containers'),
    initContainers: keep('initContainers'),
    volumes,
  };
  return admittedSchema.parse({ ...webhook, spec });
}

/** The same with the label of pods that the policies have changed. */
function labelled(answer: Answer, { alone, nobody }: Answers): Answer {
  if (typeof answer === 'string' || typeof alone === 'string' || typeof nobody === 'string') return answer;
  if (isDeepStrictEqual(alone.spec, nobody.spec)) return answer;
  const labels = { ...answer.metadata.labels, 'tagpin.dev/known-rollout': 'true' };
  return { ...answer, metadata: { ...answer.metadata, labels } };
}

function expectAlike(answers: Answers | undefined, left: KnownPod['left'] = []): void {
  if (answers === undefined) throw new Error('nothing has been asked');
  const { webhook, both, alone, nobody } = answers;
  expect(webhook).toBeTypeOf('object');
  expect(both).toEqual(labelled(webhook, answers));
  expect(alone).toEqual(labelled(left === 'all' ? nobody : without(left, answers), answers));
}

describe('the API server makes of a pod what the webhook makes of it, and of one that it leaves, nothing:', () => {
  test.each(table.map(({ name, left }, index) => ({ name, left, index })))('$name', ({ left, index }) => {
    expectAlike(answers[index], left);
  });

  test(`any of a known rollout (SEED=${SEED})`, () => {
    for (const [index, pod] of random.entries()) {
      const seen = answers[table.length + index];
      expect(seen, JSON.stringify(pod)).toBeDefined();
      expectAlike(seen);
    }
  });

  test('with its tag and its pull policy, where the configuration says so', () => {
    for (const [index, { left }] of table.entries()) {
      const seen = answers[index];
      if (left === undefined && seen) expect(seen.keeping).toEqual(labelled(keepingOf(seen), seen));
    }
  });

  test('or else this shows nothing: the table has pods that both of them change', () => {
    // Of the random ones, a seed decides how many are.
    const changed = answers
      .slice(0, table.length)
      .filter(({ alone, nobody }) => JSON.stringify(alone) !== JSON.stringify(nobody));
    expect(changed.length).toBeGreaterThan(15);
  });
});
