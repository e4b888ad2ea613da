import { expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace } from '../support/namespace.ts';
import { tagpinRequests } from '../support/requests.ts';
import { havePods, imagesOf, listed, on, pinKeys, rolledOut } from '../support/rollout.ts';
import { deployment } from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);

test('once the label is removed, the next revision runs as written, without tagpin', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const [first, second] = await Promise.all([images.push(), images.push()]);
  await succeed(namespace.apply(deployment(first.tagged)));
  await rolledOut(namespace);
  expect(await imagesOf(namespace)).toEqual([first.pinned]);

  await on(namespace, 'label', 'namespace', namespace.name, 'tagpin.dev/pin-');
  await havePods(namespace, 2);
  expect(await imagesOf(namespace), 'what runs stays').toEqual([first.pinned]);
  const { stderr } = await namespace.apply(deployment(second.tagged));
  await rolledOut(namespace);
  expect(stderr).toBe('');
  await havePods(namespace, 2);
  expect(await imagesOf(namespace)).toEqual([second.tagged]);
  expect(tagpinRequests(cluster, second.repository)).toEqual([]);
  const sets = await listed(namespace, 'replicasets');
  expect(sets.map((set) => pinKeys(set).length).sort()).toEqual([0, 1]);
});
