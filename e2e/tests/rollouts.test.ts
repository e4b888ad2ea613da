import { describe, expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images, type PushedImage } from '../support/images.ts';
import { createNamespace, type Namespace } from '../support/namespace.ts';
import { tagpinRequests } from '../support/requests.ts';
import { havePods, imagesOf, listed, on, pinKeys, rolledOut } from '../support/rollout.ts';
import { deployment, selectorOf, type WorkloadOptions } from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);

/** A running Deployment whose tag has moved since; `quiet` is true while tagpin has made no further request. */
async function rolloutWithMovedTag(options: WorkloadOptions = {}) {
  const namespace = await createNamespace(cluster, 'enforce');
  const first = await images.push();
  await succeed(namespace.apply(deployment(first.tagged, options)));
  await rolledOut(namespace);
  const second = await images.move(first);
  const asked = tagpinRequests(cluster, first.repository).length;
  const quiet = () => tagpinRequests(cluster, first.repository).length === asked;
  return { namespace, first, second, quiet, [Symbol.asyncDispose]: namespace[Symbol.asyncDispose] };
}

describe.concurrent("every pod of a rollout has its revision's digest, without a registry request, although the tag has moved:", () => {
  test('scaled up and down and up, as an autoscaler does', async () => {
    await using at = await rolloutWithMovedTag({ replicas: 1 });
    for (const replicas of [4, 2, 5]) {
      await on(at.namespace, 'scale', 'deployment/web', `--replicas=${replicas}`);
      await havePods(at.namespace, replicas);
      expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
    }
    expect(at.quiet()).toBe(true);
  });

  test('scaled to none and up again', async () => {
    await using at = await rolloutWithMovedTag();
    await on(at.namespace, 'scale', 'deployment/web', '--replicas=0');
    await havePods(at.namespace, 0);
    await on(at.namespace, 'scale', 'deployment/web', '--replicas=3');
    await havePods(at.namespace, 3);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
    expect(at.quiet()).toBe(true);
  });

  test('deleted pods that are recreated', async () => {
    await using at = await rolloutWithMovedTag();
    await on(at.namespace, 'delete', 'pods', '--selector', selectorOf());
    await havePods(at.namespace, 2);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
    expect(at.quiet()).toBe(true);
  });
});

describe.concurrent('a rollout', () => {
  test('is stored with its ReplicaSet, under its hash; no template has a digest', async () => {
    await using at = await rolloutWithMovedTag();
    const [replicaSet] = await listed(at.namespace, 'replicaset');
    const [key = '', ...others] = replicaSet === undefined ? [] : pinKeys(replicaSet);
    expect(others).toEqual([]);
    expect(key).toMatch(new RegExp(`^pins.tagpin.dev/${replicaSet?.name.replace('web-', '')}\\.[0-9a-z]+$`));
    expect(JSON.parse(replicaSet?.annotations[key] ?? '')).toEqual({ [at.first.tagged]: at.first.digest });
    const templates = await on(
      at.namespace,
      'get',
      'deployment,replicaset',
      '--output=jsonpath={.items[*].spec.template.spec.containers[*].image}',
    );
    expect(templates).toBe(`${at.first.tagged} ${at.first.tagged}`);
  });

  test('restarted gets what the tag is now', async () => {
    await using at = await rolloutWithMovedTag();
    await on(at.namespace, 'rollout', 'restart', 'deployment/web');
    await rolledOut(at.namespace);
    await havePods(at.namespace, 2);
    expect(await imagesOf(at.namespace)).toEqual([at.second.pinned]);
  });

  test('restarted repeatedly gets what the tag is each time', async () => {
    await using at = await rolloutWithMovedTag({ replicas: 1 });
    let newest: PushedImage = at.second;
    for (let round = 0; round < 3; round++) {
      await on(at.namespace, 'rollout', 'restart', 'deployment/web');
      await rolledOut(at.namespace);
      await havePods(at.namespace, 1);
      expect(await imagesOf(at.namespace)).toEqual([newest.pinned]);
      newest = await images.move(at.first);
    }
  });

  test('undone repeatedly has the digests of the old revision, without a registry request', async () => {
    await using at = await rolloutWithMovedTag();
    await on(at.namespace, 'rollout', 'restart', 'deployment/web');
    await rolledOut(at.namespace);
    expect(await imagesOf(at.namespace)).toEqual([at.second.pinned]);
    await images.move(at.first);
    const asked = tagpinRequests(cluster, at.first.repository).length;

    const undo = async (...args: string[]) => {
      await on(at.namespace, 'rollout', 'undo', 'deployment/web', ...args);
      await rolledOut(at.namespace);
      await havePods(at.namespace, 2);
      return await imagesOf(at.namespace);
    };
    expect(await undo()).toEqual([at.first.pinned]);
    expect(await undo()).toEqual([at.second.pinned]);
    expect(await undo()).toEqual([at.first.pinned]);
    // the restart was revision 2; each undo since has renumbered it
    expect(await undo('--to-revision=4')).toEqual([at.second.pinned]);
    await on(at.namespace, 'delete', 'pods', '--selector', selectorOf());
    await havePods(at.namespace, 2);
    expect(await imagesOf(at.namespace)).toEqual([at.second.pinned]);
    expect(tagpinRequests(cluster, at.first.repository).length).toBe(asked);
    expect(await listed(at.namespace, 'replicaset')).toHaveLength(2);
  });

  test("from A to B and back to A has A's digest, because the ReplicaSet is the old one", async () => {
    await using at = await rolloutWithMovedTag();
    const other = await images.push(undefined, '2.0');
    await succeed(at.namespace.apply(deployment(other.tagged)));
    await rolledOut(at.namespace);
    await succeed(at.namespace.apply(deployment(at.first.tagged)));
    await rolledOut(at.namespace);
    await havePods(at.namespace, 2);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });

  test('of an Argo Rollout is stored under the hash that Argo gives it', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const first = await images.push();
    await succeed(namespace.apply(argoReplicaSet(first.tagged)));
    await havePods(namespace, 1);
    await images.move(first);
    await on(namespace, 'scale', 'replicaset/web-5d9c', '--replicas=2');
    await havePods(namespace, 2);
    expect(await imagesOf(namespace)).toEqual([first.pinned]);
    const [replicaSet] = await listed(namespace, 'replicaset');
    expect(replicaSet && pinKeys(replicaSet)).toEqual([
      expect.stringMatching(/^pins\.tagpin\.dev\/5d9c\.[0-9a-z]+$/),
    ]);
  });
});

/** As Argo's controller creates them, but without their owner. */
function argoReplicaSet(image: string) {
  const labels = { app: 'web', 'rollouts-pod-template-hash': '5d9c' };
  const container = { name: 'app', image };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web-5d9c', labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 0, containers: [container] },
      },
    },
  };
}

describe.concurrent('a namespace enabled late', () => {
  const enable = ({ name, kubectl }: Namespace) =>
    succeed(kubectl(['label', 'namespace', name, 'tagpin.dev/pin=enforce']));

  test('has the pods of a revision run what it runs already, although the tag moves', async () => {
    await using namespace = await createNamespace(cluster);
    const first = await images.push();
    await succeed(namespace.apply(deployment(first.tagged, { replicas: 1 })));
    await rolledOut(namespace);
    await enable(namespace);
    for (const replicas of [2, 4]) {
      await images.move(first);
      await on(namespace, 'scale', 'deployment/web', `--replicas=${replicas}`);
      await havePods(namespace, replicas);
    }
    // The older one still runs it by tag.
    expect(await imagesOf(namespace)).toEqual([first.tagged, first.pinned].sort());
  });

  test('creates no extra ReplicaSets, even when all are deleted', async () => {
    await using namespace = await createNamespace(cluster);
    const first = await images.push();
    await succeed(namespace.apply(deployment(first.tagged)));
    await rolledOut(namespace);
    await enable(namespace);
    const second = await images.move(first);
    await on(namespace, 'delete', 'replicasets', '--all');
    await rolledOut(namespace);
    await havePods(namespace, 2);
    expect(await imagesOf(namespace)).toEqual([second.pinned]);
    expect(await listed(namespace, 'replicaset')).toHaveLength(1);
    const collisions = await on(
      namespace,
      'get',
      'deployment',
      'web',
      '--output=jsonpath={.status.collisionCount}',
    );
    expect(collisions).toBe('');
  });
});

test('a container injected into the pods is resolved for each pod', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const [app, sidecar] = [await images.push(), await images.push()];
  await succeed(namespace.apply(deployment(app.tagged, { replicas: 1 })));
  await rolledOut(namespace);
  const [pod] = await namespace.pods(selectorOf());
  const debug = ['debug', pod?.metadata.name ?? '', `--image=${sidecar.tagged}`, '--container=sidecar'];
  await on(namespace, ...debug, '--attach=false');
  const debugged = await namespace.pod(pod?.metadata.name ?? '');
  expect(debugged.spec.ephemeralContainers.map(({ image }) => image)).toEqual([sidecar.pinned]);
});
