import { describe, expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace, type Manifest, type Mode } from '../support/namespace.ts';
import { tagpinRequests } from '../support/requests.ts';
import { havePods, imagesOf, listed, on, pinKeys, rolledOut } from '../support/rollout.ts';
import { cronJob, daemonSet, deployment, job, statefulSet } from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);

describe.concurrent('kubectl apply of a workload shows what cannot be pinned:', () => {
  const kinds: readonly [string, (image: string) => Manifest][] = [
    ['a Deployment', deployment],
    ['a StatefulSet', statefulSet],
    ['a DaemonSet', daemonSet],
    ['a Job', job],
    ['a CronJob', cronJob],
  ];
  test.each(kinds)('%s', async (_, workload) => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const { name } = await images.push();
    const { code, stderr } = await namespace.apply(workload(`${name}:nope`));
    expect(code).toBe(0);
    expect(stderr).toContain(
      `Warning: its pods will be refused: container "app": ${name}:nope: not found (404 MANIFEST_UNKNOWN); push the tag or correct the image`,
    );
  });

  test.each<[Mode, string]>([
    ['best-effort', "Warning: can't be pinned: "],
    ['audit', "Warning: can't be pinned: "],
  ])('in a namespace with %s', async (mode, warning) => {
    await using namespace = await createNamespace(cluster, mode);
    const { name } = await images.push();
    const { stderr } = await namespace.apply(deployment(`${name}:nope`, { replicas: 0 }));
    expect(stderr).toContain(warning);
  });

  test('if the template changes, and not if anything else does', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    await succeed(namespace.apply(deployment(app.tagged, { replicas: 0 })));
    const changed = await namespace.kubectl(['set', 'image', 'deployment/web', `app=${app.name}:nope`]);
    expect(changed.stderr).toContain('Warning: its pods will be refused');
    for (const change of [
      ['label', 'deployment', 'web', 'team=blue'],
      ['scale', 'deployment/web', '--replicas=0'],
    ]) {
      expect(await namespace.kubectl(change)).toMatchObject({ code: 0, stderr: '' });
    }
  });

  test('and nothing if all is well; the revision then uses the cached digest', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    expect(await namespace.apply(deployment(app.tagged))).toMatchObject({ code: 0, stderr: '' });
    await havePods(namespace, 2);
    // one replica of tagpin may have it cached, and the other had to resolve it
    expect(tagpinRequests(cluster, app.repository).length).toBeLessThanOrEqual(2);
  });
});

test.concurrent.each([
  ['Deployment', deployment],
  ['StatefulSet', statefulSet],
  ['DaemonSet', daemonSet],
])(
  'a rollback of a %s, or its old template applied again, does not warn of a tag deleted since',
  async (kind, workload) => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const [old, app] = [await images.push(undefined, 'old'), await images.push()];
    const apply = (image: string) => namespace.apply(workload(image, { replicas: 1 }));
    for (const image of [old.tagged, app.tagged]) {
      await succeed(apply(image));
      await rolledOut(namespace, kind.toLowerCase());
    }
    await images.remove(old);
    const undone = await namespace.kubectl(['rollout', 'undo', `${kind.toLowerCase()}/web`]);
    expect(undone.code).toBe(0);
    // kubectl adds its own warning here
    expect(undone.stderr).not.toContain('refused');
    await rolledOut(namespace, kind.toLowerCase());
    await havePods(namespace, 1);
    expect(await imagesOf(namespace)).toEqual([old.pinned]);
    await succeed(apply(app.tagged));
    await rolledOut(namespace, kind.toLowerCase());
    expect(await apply(old.tagged)).toMatchObject({ code: 0, stderr: '' });
  },
);

test('in a namespace with audit nothing is stored', async () => {
  await using namespace = await createNamespace(cluster, 'audit');
  const app = await images.push();
  await succeed(namespace.apply(deployment(app.tagged, { replicas: 1 })));
  await havePods(namespace, 1);
  const [replicaSet] = await listed(namespace, 'replicaset');
  expect(replicaSet && pinKeys(replicaSet)).toEqual([]);
});

test('a tag pushed after its rollout began is pinned then, for all its pods, with a warning in the log', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  const late = `${app.name}:late`;
  await namespace.apply(deployment(late, { replicas: 1 }));
  const pushed = await images.push(app.repository, 'late');
  await havePods(namespace, 1);
  await images.move(pushed);
  await on(namespace, 'scale', 'deployment/web', '--replicas=3');
  await havePods(namespace, 3);
  const pods = await namespace.pods('app=web');
  expect(new Set(pods.map(({ spec }) => spec.containers[0]?.image))).toEqual(new Set([pushed.pinned]));
  const [replicaSet] = await listed(namespace, 'replicaset');
  const [key = ''] = replicaSet === undefined ? [] : pinKeys(replicaSet);
  expect(JSON.parse(replicaSet?.annotations[key] ?? '')).toEqual({ [late]: null });
});
