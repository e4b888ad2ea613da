import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { absencesOf } from '../../support/absences.ts';
import { auditorOf } from '../../support/auditor.ts';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { type Detour, openDetour } from '../../support/detour.ts';
import { Images, type PushedImage } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import { knownRolloutsOf } from '../../support/known-rollouts.ts';
import { createNamespace, type Namespace, podManifest } from '../../support/namespace.ts';
import { havePods, imagesOf, listed, on, pinKeys, podsOf, rolledOut } from '../../support/rollout.ts';
import { until } from '../../support/until.ts';
import { daemonSet, deployment, job, replicaSet, selectorOf, statefulSet } from '../../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const installation = installationOf(cluster);
const policies = knownRolloutsOf(cluster, installation);
const { gone, hung, untrusted, unconfigured } = absencesOf(cluster, installation);

const unscheduled = { schedulerName: 'none' };
const parallel = { podManagementPolicy: 'Parallel' };
/** Those whose pods a controller makes again at once, when they are deleted: name → how many. */
const replicas = { web: 4, many: 20, set: 3, sets: 8, each: 1, bare: 2 };
/** Of a Job, whose controller takes its time: 10 s after one pod, and twice as long for each more. */
const WORK = 1;
const ALL = `app in (${Object.keys(replicas).join(',')})`;

let namespace: Namespace;
let detour: Detour;
let first: PushedImage;
let app: PushedImage;

/** The same image by the registry's other name, which is closed when tagpin goes. */
function detoured(image: PushedImage): PushedImage {
  const by = (text: string) => text.replace(cluster.openRegistry, cluster.detourRegistry);
  return { ...image, name: by(image.name), tagged: by(image.tagged), pinned: by(image.pinned) };
}

/** Deletes all pods that the selector selects; returns when as many others are there, as far as they can come. */
async function replaceAll(selector: string, count: number): Promise<void> {
  const uids = async () =>
    (
      await on(
        namespace,
        'get',
        'pods',
        `--selector=${selector}`,
        '--output=jsonpath={.items[*].metadata.uid}',
      )
    ).split(' ');
  const before = await uids();
  await on(namespace, 'delete', 'pods', `--selector=${selector}`, '--grace-period=0', '--force');
  await until(`${count} pods to have come again`, async () => {
    const after = await uids();
    return (after.length === count && !after.some((uid) => before.includes(uid))) || undefined;
  });
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);

const storedKeys = async () => (await listed(namespace, 'replicasets')).flatMap(pinKeys).sort();

async function expectUnknownRefused(refusal: string): Promise<void> {
  const pod = podManifest({ name: 'new', image: app.tagged, spec: unscheduled });
  const { code, stderr } = await namespace.apply(pod);
  expect(stderr).toContain(refusal);
  expect(code).not.toBe(0);
}

beforeAll(async () => {
  await policies.install();
  detour = await openDetour(cluster);
  namespace = await createNamespace(cluster, 'enforce');
  const pushed = await images.push();
  first = detoured(pushed);
  await succeed(namespace.apply(deployment(first.tagged, { replicas: replicas.web })));
  await rolledOut(namespace);
  app = detoured(await images.move(pushed));
  const idle = [{ name: 'app', image: app.tagged, command: ['/bin/sleep', 'infinity'] }];
  await on(namespace, 'rollout', 'restart', 'deployment/web');
  await succeed(
    namespace.apply(
      deployment(app.tagged, { name: 'many', replicas: replicas.many, pod: unscheduled }),
      statefulSet(app.tagged, { name: 'set', replicas: replicas.set, spec: parallel }),
      statefulSet(app.tagged, { name: 'sets', replicas: replicas.sets, pod: unscheduled, spec: parallel }),
      daemonSet(app.tagged, { name: 'each' }),
      replicaSet(app.tagged, { name: 'bare', replicas: replicas.bare, pod: unscheduled }),
      replicaSet(app.tagged, { name: 'resting', replicas: 0, pod: unscheduled }),
      job(app.tagged, {
        name: 'work',
        pod: { ...unscheduled, containers: idle },
        spec: { parallelism: WORK, completions: 10, backoffLimit: 100 },
      }),
    ),
  );
  await rolledOut(namespace);
  await until(
    'all pods',
    async () => (await podsOf(namespace, '')).length === sum(replicas) + WORK || undefined,
  );
  await havePods(namespace, replicas.set, { selector: selectorOf('set') });
  await havePods(namespace, 1, { selector: selectorOf('each') });
}, 180_000);
afterAll(async () => {
  await detour.close();
  await namespace[Symbol.asyncDispose]();
  await policies.rest();
}, 90_000);

describe.each([hung, untrusted, unconfigured])('while $what', ({ begin, end, refusal }) => {
  beforeAll(begin, 90_000);
  afterAll(end, 120_000);

  test('all pods of known rollouts come again, pinned', async () => {
    await replaceAll(ALL, sum(replicas));
    expect(await imagesOf(namespace, ALL)).toEqual([app.pinned]);
  }, 90_000);

  test('an image that no rollout knows is refused', () => expectUnknownRefused(refusal));
});

describe('while no replica is left, and no registry', () => {
  let stored: string[];
  beforeAll(async () => {
    stored = await storedKeys();
    await gone.begin();
    await detour.close();
  }, 90_000);

  test('50 pods are there after all were deleted and more were asked for; none of them is unpinned', async () => {
    await on(namespace, 'delete', 'pods', '--all', '--grace-period=0', '--force');
    const scaled = { ...replicas, web: 6, many: 26, set: 4 };
    for (const [kind, name] of [
      ['deployment', 'web'],
      ['deployment', 'many'],
      ['statefulset', 'set'],
    ] as const)
      await on(namespace, 'scale', `${kind}/${name}`, `--replicas=${scaled[name]}`);
    await on(namespace, 'patch', 'job', 'work', '--patch={"spec":{"parallelism":3}}');
    for (const name of ['web', 'set', 'each'] as const)
      await havePods(namespace, scaled[name], { selector: selectorOf(name) });
    await until('50 pods', async () => (await podsOf(namespace, '')).length === 50 || undefined);
    expect(sum(scaled) + 3).toBe(50);
    expect(await imagesOf(namespace, '')).toEqual([app.pinned]);
  }, 120_000);

  test('a rollback gets the digest that it had', async () => {
    await on(namespace, 'rollout', 'undo', 'deployment/web');
    await rolledOut(namespace);
    expect(await imagesOf(namespace)).toEqual([first.pinned]);
    await on(namespace, 'rollout', 'undo', 'deployment/web');
    await rolledOut(namespace);
    expect(await imagesOf(namespace)).toEqual([app.pinned]);
  }, 90_000);

  test('a ReplicaSet that nobody owns gets its pods when it is scaled from zero, which no policy sees', async () => {
    await on(namespace, 'scale', 'replicaset/resting', '--replicas=2');
    await havePods(namespace, 2, { selector: selectorOf('resting'), phase: 'Pending' });
    expect(await imagesOf(namespace, selectorOf('resting'))).toEqual([app.pinned]);
  });

  test('a ReplicaSet at zero that a manifest without annotations replaces keeps its digest', async () => {
    await on(namespace, 'scale', 'replicaset/resting', '--replicas=0');
    const manifest = JSON.stringify(
      replicaSet(app.tagged, { name: 'resting', replicas: 2, pod: unscheduled }),
    );
    await succeed(namespace.kubectl(['replace', '--filename=-'], manifest));
    await havePods(namespace, 2, { selector: selectorOf('resting'), phase: 'Pending' });
    expect(await imagesOf(namespace, selectorOf('resting'))).toEqual([app.pinned]);
  });

  test('an image that no rollout knows is refused', () => expectUnknownRefused(gone.refusal));

  test('there is nothing to repair once tagpin is back', async () => {
    await gone.end();
    expect(await storedKeys()).toEqual(stored);
    const { audit } = await auditorOf(cluster, namespace);
    expect((await audit('--only', 'unpinned')).images).toEqual([]);
    await on(namespace, 'scale', 'deployment/many', '--replicas=30');
    await havePods(namespace, 30, { selector: selectorOf('many'), phase: 'Pending' });
    expect(await imagesOf(namespace, '')).toEqual([app.pinned]);
  }, 90_000);
});
