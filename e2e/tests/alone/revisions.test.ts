import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { createNamespace, type Namespace } from '../../support/namespace.ts';
import { tagpinRequests } from '../../support/requests.ts';
import { havePods, imagesOf, listed, on, pinKeys, podsOf, rolledOut } from '../../support/rollout.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { deployment, selectorOf } from '../../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const tagpin = tagpinOf(cluster);

const collisionsOf = (namespace: Namespace) =>
  on(namespace, 'get', 'deployment', 'web', '--output=jsonpath={.status.collisionCount}');

/** How many rollouts begin at once, in hundreds: `ROLLOUTS=1000 npm run e2e -- e2e/tests/alone/revisions.test.ts`. */
const ROLLOUTS = Math.ceil(Number(process.env['ROLLOUTS'] ?? 200) / 100) * 100;

/** Configuration changes take a moment to reach the API server's admission. */
const SETTLE_MS = 2_000;

describe('a revision created while tagpin is down', () => {
  test('has pods that agree on one digest once it is back, though the tag moves from pod to pod', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const first = await images.push();
    await tagpin.stop();
    try {
      await succeed(namespace.apply(deployment(first.tagged, { replicas: 1 })));
      const [replicaSet] = await listed(namespace, 'replicaset');
      expect(replicaSet && pinKeys(replicaSet)).toEqual([]);
      expect(await podsOf(namespace)).toEqual([]);
    } finally {
      await tagpin.start();
    }
    await havePods(namespace, 1);
    expect(await imagesOf(namespace)).toEqual([first.pinned]);
    for (const replicas of [3, 5]) {
      await images.move(first);
      await on(namespace, 'scale', 'deployment/web', `--replicas=${replicas}`);
      await havePods(namespace, replicas);
      expect(await imagesOf(namespace)).toEqual([first.pinned]);
    }
    expect(await tagpin.metric('tagpin_images_total', 'reason="sibling"')).toBeGreaterThan(0);
  }, 180_000);
});

describe('without the webhook that strips Deployments', () => {
  test('undo, a moved tag, the ReplicaSet deleted, scaled, undone: one digest each time, the right one', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const first = await images.push();
    await succeed(namespace.apply(deployment(first.tagged)));
    await rolledOut(namespace);
    const second = await images.move(first);
    await on(namespace, 'rollout', 'restart', 'deployment/web');
    await rolledOut(namespace);

    const restore = await tagpin.without('enforce.workload.tagpin.dev');
    await sleep(SETTLE_MS);
    try {
      await on(namespace, 'rollout', 'undo', 'deployment/web');
      await rolledOut(namespace);
      await havePods(namespace, 2);
      expect(await imagesOf(namespace)).toEqual([first.pinned]);
      // undo must have copied the pins to the Deployment, or this test shows nothing
      const [copied] = await listed(namespace, 'deployment');
      expect(copied && pinKeys(copied)).toHaveLength(1);
    } finally {
      await restore();
      await sleep(SETTLE_MS);
    }
    const third = await images.move(first);
    const hash = await on(
      namespace,
      'get',
      'pods',
      '--output=jsonpath={.items[0].metadata.labels.pod-template-hash}',
    );
    await on(namespace, 'delete', 'replicaset', `web-${hash}`, '--cascade=foreground');
    await rolledOut(namespace);
    await havePods(namespace, 2);
    expect(await imagesOf(namespace)).toEqual([third.pinned]);
    await on(namespace, 'scale', 'deployment/web', '--replicas=4');
    await havePods(namespace, 4);
    expect(await imagesOf(namespace)).toEqual([third.pinned]);

    await on(namespace, 'rollout', 'undo', 'deployment/web');
    await rolledOut(namespace);
    await havePods(namespace, 4);
    expect(await imagesOf(namespace)).toEqual([second.pinned]);
    await on(namespace, 'rollout', 'undo', 'deployment/web');
    await rolledOut(namespace);
    await havePods(namespace, 4);
    expect(await imagesOf(namespace)).toEqual([third.pinned]);
    // an update of the Deployment has removed what undo copied to it
    const [stripped] = await listed(namespace, 'deployment');
    expect(stripped && pinKeys(stripped)).toEqual([]);
    expect(await collisionsOf(namespace)).toBe('');
  }, 180_000);
});

test('drained from its node, a rollout comes back at its digest without a registry request', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const first = await images.push();
  await succeed(namespace.apply(deployment(first.tagged, { replicas: 3 })));
  await rolledOut(namespace);
  await images.move(first);
  const asked = tagpinRequests(cluster, first.repository).length;
  const node = await on(namespace, 'get', 'nodes', '--output=jsonpath={.items[0].metadata.name}');
  const before = (await podsOf(namespace)).map(({ metadata }) => metadata.name);
  try {
    await on(namespace, 'drain', node, `--pod-selector=${selectorOf()}`, '--timeout=50s');
  } finally {
    await on(namespace, 'uncordon', node);
  }
  await havePods(namespace, 3);
  const after = (await podsOf(namespace)).map(({ metadata }) => metadata.name);
  expect(after.filter((name) => before.includes(name))).toEqual([]);
  expect(await imagesOf(namespace)).toEqual([first.pinned]);
  expect(tagpinRequests(cluster, first.repository).length).toBe(asked);
}, 120_000);

test('enabled, disabled, its ReplicaSets deleted, tagpin down and up: no more ReplicaSets than rollouts, and then it is quiet', async () => {
  await using namespace = await createNamespace(cluster);
  const app = await images.push();
  const label = (value: string) =>
    succeed(
      namespace.kubectl(['label', '--overwrite', 'namespace', namespace.name, `tagpin.dev/pin${value}`]),
    );
  const restart = async () => {
    await on(namespace, 'rollout', 'restart', 'deployment/web');
    await rolledOut(namespace);
  };
  const deleteReplicaSets = async () => {
    await on(namespace, 'delete', 'replicasets', '--all');
    await rolledOut(namespace);
  };
  const outage = async (meanwhile: () => Promise<unknown>) => {
    await tagpin.stop();
    try {
      await meanwhile();
    } finally {
      await tagpin.start();
    }
  };
  await succeed(namespace.apply(deployment(app.tagged)));
  await rolledOut(namespace);
  await label('=enforce');
  await deleteReplicaSets();
  await images.move(app);
  await restart();
  await label('-');
  await restart();
  await label('=best-effort');
  await outage(restart);
  await on(namespace, 'rollout', 'undo', 'deployment/web');
  await rolledOut(namespace);
  await outage(deleteReplicaSets);
  await label('=enforce');
  const last = await images.move(app);
  await restart();
  await havePods(namespace, 2);
  expect(await imagesOf(namespace)).toEqual([last.pinned]);

  const state = async () => ({
    replicaSets: (await listed(namespace, 'replicaset')).map(({ name }) => name).sort(),
    collisions: await collisionsOf(namespace),
    requests: await tagpin.metric('tagpin_admission_requests_total'),
    registry: await tagpin.metric('tagpin_registry_requests_total'),
  });
  const before = await state();
  // one of the last rollout, and one of the rollout before: all older ones were deleted
  expect(before.replicaSets).toHaveLength(2);
  expect(before.collisions).toBe('');
  // Controllers that fought over ReplicaSets made one every third of a second.
  await sleep(20_000);
  expect(await state()).toEqual(before);
}, 300_000);

test(`${ROLLOUTS} rollouts of three pods at once from twenty images: every pod pinned, a few requests for each image`, async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const apps = await Promise.all(Array.from({ length: 20 }, () => images.push()));
  const manifests = Array.from({ length: ROLLOUTS }, (_, index) =>
    deployment(apps[index % apps.length]?.tagged ?? '', {
      name: `web-${index}`,
      replicas: 3,
      pod: { schedulerName: 'none' },
    }),
  );
  const batches = Array.from({ length: ROLLOUTS / 100 }, (_, batch) =>
    manifests.slice(batch * 100, (batch + 1) * 100).map((manifest) => JSON.stringify(manifest)),
  );
  const started = performance.now();
  const create = ['create', '--filename', '-'];
  await Promise.all(batches.map((batch) => succeed(namespace.kubectl(create, batch.join('\n')))));
  const created = performance.now();
  await havePods(namespace, 3 * ROLLOUTS, { selector: '', phase: 'Pending', timeout: 300_000 });
  const took = Math.round((performance.now() - started) / 1000);

  const expected = new Set(apps.map(({ pinned }) => pinned));
  expect(new Set(await imagesOf(namespace, ''))).toEqual(expected);
  const requests = apps.map(({ repository }) => tagpinRequests(cluster, repository).length);
  const rss = await tagpin.metric('process_resident_memory_bytes');
  console.log(
    `${ROLLOUTS} Deployments created in ${Math.round((created - started) / 1000)} s, their pods there after ${took} s; ` +
      `${requests.reduce((sum, count) => sum + count, 0)} registry requests for 20 images, at most ${Math.max(...requests)} for one; ` +
      `both replicas together ${Math.round(rss / 1024 / 1024)} MiB resident`,
  );
  // each of two replicas resolves at most once in two seconds, and only during rollouts
  expect(Math.max(...requests)).toBeLessThanOrEqual(2 * Math.ceil(took / 2) + 2);
  expect(rss / 2).toBeLessThan(400 * 1024 * 1024);
}, 600_000);
