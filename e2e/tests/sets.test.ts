import { describe, expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace, type Manifest } from '../support/namespace.ts';
import { tagpinRequests } from '../support/requests.ts';
import { havePods, imagesOf, listed, on, pinKeys, podsOf, rolledOut } from '../support/rollout.ts';
import { until } from '../support/until.ts';
import {
  cronJob,
  daemonSet,
  job,
  replicaSet,
  replicationController,
  selectorOf,
  statefulSet,
} from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);

/** A workload in its own namespace, by a tag that the test can move. */
async function applied(workload: (image: string) => Manifest) {
  const namespace = await createNamespace(cluster, 'enforce');
  const first = await images.push();
  await succeed(namespace.apply(workload(first.tagged)));
  const requests = () => tagpinRequests(cluster, first.repository).length;
  return { namespace, first, requests, [Symbol.asyncDispose]: namespace[Symbol.asyncDispose] };
}

describe.concurrent('a StatefulSet', () => {
  const restart = ['rollout', 'restart', 'statefulset/web'];

  test('keeps its digest when pods are deleted and added, although the tag has moved', async () => {
    await using at = await applied(statefulSet);
    await rolledOut(at.namespace, 'statefulset');
    await images.move(at.first);
    const asked = at.requests();
    await on(at.namespace, 'delete', 'pod', 'web-1');
    await on(at.namespace, 'scale', 'statefulset/web', '--replicas=5');
    await havePods(at.namespace, 5);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
    expect(at.requests()).toBe(asked);
  });

  test('updated in order ends with one digest, although the tag moves meanwhile', async () => {
    await using at = await applied(statefulSet);
    await rolledOut(at.namespace, 'statefulset');
    const second = await images.move(at.first);
    await on(at.namespace, ...restart);
    await until(
      'the first pod to be updated',
      async () => (await imagesOf(at.namespace)).includes(second.pinned) || undefined,
    );
    await images.move(at.first);
    await rolledOut(at.namespace, 'statefulset');
    await havePods(at.namespace, 3);
    expect(await imagesOf(at.namespace)).toEqual([second.pinned]);
  });

  test('half updated has each pod recreated at the digest of its own revision', async () => {
    const half = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } };
    await using at = await applied((image) => statefulSet(image, { spec: half }));
    await rolledOut(at.namespace, 'statefulset');
    const second = await images.move(at.first);
    await on(at.namespace, ...restart);
    await rolledOut(at.namespace, 'statefulset');
    await images.move(at.first);
    const asked = at.requests();
    await on(at.namespace, 'delete', 'pods', '--selector', selectorOf());
    await havePods(at.namespace, 3);
    const pods = await podsOf(at.namespace);
    const byName = Object.fromEntries(
      pods.map(({ metadata, spec }) => [metadata.name, spec.containers[0]?.image]),
    );
    expect(byName).toEqual({
      'web-0': at.first.pinned,
      'web-1': at.first.pinned,
      'web-2': second.pinned,
    });
    expect(at.requests()).toBe(asked);
  });

  test('rolled back has the digest that its revision had', async () => {
    await using at = await applied((image) => statefulSet(image, { replicas: 1 }));
    await rolledOut(at.namespace, 'statefulset');
    await images.move(at.first);
    await on(at.namespace, ...restart);
    await rolledOut(at.namespace, 'statefulset');
    await on(at.namespace, 'rollout', 'undo', 'statefulset/web');
    await rolledOut(at.namespace, 'statefulset');
    await havePods(at.namespace, 1);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });
});

describe.concurrent('a DaemonSet', () => {
  test('keeps its digest when its pod is deleted, and takes the new one when it is restarted', async () => {
    await using at = await applied(daemonSet);
    await rolledOut(at.namespace, 'daemonset');
    const second = await images.move(at.first);
    const asked = at.requests();
    await on(at.namespace, 'delete', 'pods', '--selector', selectorOf());
    await havePods(at.namespace, 1);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
    expect(at.requests()).toBe(asked);

    await on(at.namespace, 'rollout', 'restart', 'daemonset/web');
    await rolledOut(at.namespace, 'daemonset');
    await havePods(at.namespace, 1);
    expect(await imagesOf(at.namespace)).toEqual([second.pinned]);
    await on(at.namespace, 'rollout', 'undo', 'daemonset/web');
    await rolledOut(at.namespace, 'daemonset');
    await havePods(at.namespace, 1);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });
});

describe.concurrent('a Job', () => {
  test('has all its pods at one digest, including retries, although the tag has moved', async () => {
    const failing = { restartPolicy: 'Never' };
    await using at = await applied((image) =>
      job(image, {
        pod: { ...failing, containers: [{ name: 'app', image, command: ['/bin/sh', '-c', 'exit 1'] }] },
        spec: { backoffLimit: 1 },
      }),
    );
    await havePods(at.namespace, 1, { phase: 'Failed' });
    await images.move(at.first);
    const asked = at.requests();
    await havePods(at.namespace, 2, { phase: 'Failed' });
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
    expect(at.requests()).toBe(asked);
  });

  test('suspended and resumed keeps the digest from its creation', async () => {
    await using at = await applied((image) => job(image, { spec: { suspend: true } }));
    await images.move(at.first);
    await on(at.namespace, 'patch', 'job', 'web', '--patch={"spec":{"suspend":false}}');
    await on(at.namespace, 'wait', 'job/web', '--for=condition=complete', '--timeout=50s');
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });
});

test.concurrent('each run of a CronJob gets what the tag is at that time', async () => {
  await using at = await applied(cronJob);
  const run = async (name: string) => {
    await on(at.namespace, 'create', 'job', name, '--from=cronjob/web');
    await on(at.namespace, 'wait', `job/${name}`, '--for=condition=complete', '--timeout=50s');
    const pods = await at.namespace.pods(`batch.kubernetes.io/job-name=${name}`);
    return pods.map(({ spec }) => spec.containers[0]?.image);
  };
  expect(await run('one')).toEqual([at.first.pinned]);
  const second = await images.move(at.first);
  expect(await run('two')).toEqual([second.pinned]);
});

describe.concurrent('a ReplicaSet without owner', () => {
  test('keeps its digest, and gets one for an image added later', async () => {
    await using at = await applied((image) => replicaSet(image, { replicas: 1 }));
    await havePods(at.namespace, 1);
    await images.move(at.first);
    await on(at.namespace, 'scale', 'replicaset/web', '--replicas=2');
    await havePods(at.namespace, 2);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);

    const other = await images.push();
    await on(at.namespace, 'set', 'image', 'replicaset/web', `app=${other.tagged}`);
    await images.move(other);
    await on(at.namespace, 'delete', 'pods', '--selector', selectorOf());
    await havePods(at.namespace, 2);
    expect(await imagesOf(at.namespace)).toEqual([other.pinned]);
    const [stored] = await listed(at.namespace, 'replicaset');
    expect(stored && pinKeys(stored)).toEqual([expect.stringMatching(/^pins\.tagpin\.dev\/own\./)]);
  });
});

test.concurrent("a ReplicationController's pods have the digest of its existing pods", async () => {
  await using at = await applied((image) => replicationController(image, { replicas: 1 }));
  await havePods(at.namespace, 1);
  await images.move(at.first);
  await on(at.namespace, 'scale', 'replicationcontroller/web', '--replicas=3');
  await havePods(at.namespace, 3);
  expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
});
