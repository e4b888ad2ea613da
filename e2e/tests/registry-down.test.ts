import { expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { openDetour } from '../support/detour.ts';
import { Images } from '../support/images.ts';
import { createNamespace } from '../support/namespace.ts';
import { tagpinRequests } from '../support/requests.ts';
import { havePods, imagesOf, on, rolledOut } from '../support/rollout.ts';
import { deployment, selectorOf } from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);

test('while the registry is down, rollouts are recreated at their digests without a request: 200 pods, 5 of them run', async () => {
  await using detour = await openDetour(cluster);
  await using namespace = await createNamespace(cluster, 'enforce');
  const pushed = await images.push();
  const detoured = (image: string) => image.replace(cluster.openRegistry, cluster.detourRegistry);
  const app = { tagged: detoured(pushed.tagged), pinned: detoured(pushed.pinned) };
  const unscheduled = { name: 'unscheduled', replicas: 195, pod: { schedulerName: 'none' } };
  await succeed(
    namespace.apply(deployment(app.tagged, { replicas: 5 }), deployment(app.tagged, unscheduled)),
  );
  await rolledOut(namespace);
  await havePods(namespace, 195, { phase: 'Pending', selector: selectorOf('unscheduled') });
  const asked = tagpinRequests(cluster, pushed.repository).length;
  const uids = async () =>
    (await on(namespace, 'get', 'pods', '--output=jsonpath={.items[*].metadata.uid}')).split(' ');
  const before = await uids();

  await detour.close();
  await on(namespace, 'delete', 'pods', '--all', '--grace-period=0', '--force');
  await havePods(namespace, 5);
  await havePods(namespace, 195, { phase: 'Pending', selector: selectorOf('unscheduled') });
  const after = await uids();
  expect(after).toHaveLength(200);
  expect(after.filter((uid) => before.includes(uid))).toEqual([]);
  expect(await imagesOf(namespace, '')).toEqual([app.pinned]);
  expect(tagpinRequests(cluster, pushed.repository).length).toBe(asked);

  // or this test shows nothing: an image without a stored digest must fail
  const { stderr } = await namespace.apply(deployment(`${app.tagged}-2`, { name: 'other' }));
  expect(stderr).toContain('its pods will be refused: container "app": ');
  expect(stderr).toContain("the registry can't be reached");
}, 180_000);
