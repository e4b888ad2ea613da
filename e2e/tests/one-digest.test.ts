import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images, type PushedImage } from '../support/images.ts';
import { patchPods, rewriting, sidecar } from '../support/injector.ts';
import { createNamespace, type Manifest, type Namespace } from '../support/namespace.ts';
import { havePods, imagesOf, listed, on, pinKeys, rolledOut } from '../support/rollout.ts';
import { until } from '../support/until.ts';
import { daemonSet, deployment, job, replicaSet, selectorOf, statefulSet } from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);

/** Pods that no node runs. */
const pending = { phase: 'Pending' };
const unscheduled = { pod: { schedulerName: 'none' } };

/** An applied workload with its pods, whose tag has moved since. */
async function moved(workload: (image: string) => Manifest, count = 2, phase = 'Pending') {
  const namespace = await createNamespace(cluster, 'enforce');
  const first = await images.push();
  const manifest = workload(first.tagged);
  await succeed(namespace.apply(manifest));
  await havePods(namespace, count, { phase });
  const second = await images.move(first);
  return { namespace, first, second, manifest, [Symbol.asyncDispose]: namespace[Symbol.asyncDispose] };
}

const scale = (namespace: Namespace, workload: string, replicas: number) =>
  on(namespace, 'scale', workload, `--replicas=${replicas}`);

/** Waits until an object has come again under another uid. */
async function madeAgain(namespace: Namespace, object: string, uid: string): Promise<void> {
  await until(`another ${object}`, async () => {
    const { stdout } = await namespace.kubectl(['get', object, '--output=jsonpath={.metadata.uid}']);
    return (stdout !== '' && stdout !== uid) || undefined;
  });
}

const uidOf = (namespace: Namespace, object: string) =>
  on(namespace, 'get', object, '--output=jsonpath={.metadata.uid}');

describe.concurrent('what another webhook writes into the pods has one digest in a rollout, although its tag moves:', () => {
  test('an image that is rewritten before tagpin is called', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    const there = rewriting((image) => image.replace('app.internal/', `${cluster.openRegistry}/`));
    await using _ = await patchPods(cluster, namespace, 'before tagpin', there);
    const manifest = deployment(`app.internal/${app.repository}`, unscheduled);
    const { stderr } = await namespace.apply(manifest);
    await havePods(namespace, 2, pending);
    for (const replicas of [4, 6]) {
      await images.move(app);
      await scale(namespace, 'deployment/web', replicas);
      await havePods(namespace, replicas, pending);
    }
    expect(await imagesOf(namespace)).toEqual([app.pinned]);
    expect(stderr).toContain('app.internal');
    expect(stderr).not.toContain('will be refused');
  });

  test('a sidecar that is added after tagpin was called', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const [app, added] = [await images.push(), await images.push()];
    await using _ = await patchPods(cluster, namespace, 'after tagpin', sidecar(added.tagged));
    await succeed(namespace.apply(deployment(app.tagged, unscheduled)));
    await havePods(namespace, 2, pending);
    for (const replicas of [4, 6]) {
      await images.move(added);
      await scale(namespace, 'deployment/web', replicas);
      await havePods(namespace, replicas, pending);
    }
    expect(await imagesOf(namespace)).toEqual([app.pinned, added.pinned].sort());
  });
});

describe.concurrent('what is deleted with its pods left, and made again, keeps its digest:', () => {
  test("a Deployment's ReplicaSet", async () => {
    await using at = await moved((image) => deployment(image, unscheduled));
    const [old] = await listed(at.namespace, 'replicaset');
    const name = `replicaset/${old?.name}`;
    const uid = await uidOf(at.namespace, name);
    await on(at.namespace, 'delete', name, '--cascade=orphan');
    await madeAgain(at.namespace, name, uid);
    await scale(at.namespace, 'deployment/web', 4);
    await havePods(at.namespace, 4, pending);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
    const [stored] = await listed(at.namespace, 'replicaset');
    expect(Object.values(stored?.annotations ?? {}).join()).toContain(at.first.digest);
  });

  test("a Deployment's ReplicaSet whose pods run by tag, since they are older than the label", async () => {
    await using namespace = await createNamespace(cluster);
    const first = await images.push();
    await succeed(namespace.apply(deployment(first.tagged)));
    await rolledOut(namespace);
    await on(namespace, 'label', 'namespace', namespace.name, 'tagpin.dev/pin=enforce');
    await images.move(first);
    const [old] = await listed(namespace, 'replicaset');
    const name = `replicaset/${old?.name}`;
    const uid = await uidOf(namespace, name);
    await on(namespace, 'delete', name, '--cascade=orphan');
    await madeAgain(namespace, name, uid);
    await scale(namespace, 'deployment/web', 3);
    await havePods(namespace, 3);
    expect(await imagesOf(namespace)).toEqual([first.tagged, first.pinned].sort());
  });

  test('a Deployment, applied again', async () => {
    await using at = await moved((image) => deployment(image, unscheduled));
    await on(at.namespace, 'delete', 'deployment/web', '--cascade=orphan');
    await on(at.namespace, 'delete', 'replicasets', '--all', '--cascade=orphan');
    await succeed(at.namespace.apply(at.manifest));
    await scale(at.namespace, 'deployment/web', 4);
    await havePods(at.namespace, 4, pending);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });

  test('a ReplicaSet that nobody owns, applied again', async () => {
    await using at = await moved((image) => replicaSet(image, unscheduled));
    await on(at.namespace, 'delete', 'replicaset/web', '--cascade=orphan');
    await succeed(at.namespace.apply(at.manifest));
    await scale(at.namespace, 'replicaset/web', 4);
    await havePods(at.namespace, 4, pending);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });

  const parallel = { ...unscheduled, spec: { podManagementPolicy: 'Parallel' } };
  const setOf = (image: string) => statefulSet(image, { ...parallel, replicas: 2 });

  test("a StatefulSet's current ControllerRevision", async () => {
    await using at = await moved(setOf);
    const [old] = await listed(at.namespace, 'controllerrevision');
    const name = `controllerrevision/${old?.name}`;
    const uid = await uidOf(at.namespace, name);
    await on(at.namespace, 'delete', name);
    // The set looks for its revision once something happens to it.
    await scale(at.namespace, 'statefulset/web', 4);
    await madeAgain(at.namespace, name, uid);
    await havePods(at.namespace, 4, pending);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });

  test('a StatefulSet and its ControllerRevision, applied again', async () => {
    await using at = await moved(setOf);
    await on(at.namespace, 'delete', 'statefulset/web', '--cascade=orphan');
    await on(at.namespace, 'delete', 'controllerrevisions', '--all');
    await succeed(at.namespace.apply(statefulSet(at.first.tagged, { ...parallel, replicas: 4 })));
    await havePods(at.namespace, 4, pending);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });

  test("a DaemonSet's current ControllerRevision", async () => {
    await using at = await moved(daemonSet, 1, 'Running');
    const [old] = await listed(at.namespace, 'controllerrevision');
    const name = `controllerrevision/${old?.name}`;
    const uid = await uidOf(at.namespace, name);
    await on(at.namespace, 'delete', name);
    await on(at.namespace, 'annotate', 'daemonset/web', 'e2e.tagpin.dev/touched=true');
    await madeAgain(at.namespace, name, uid);
    await on(at.namespace, 'delete', 'pods', '--selector', selectorOf());
    await havePods(at.namespace, 1);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });
});

const wholeObject = z.looseObject({
  metadata: z.looseObject({}),
  spec: z.record(z.string(), z.unknown()).optional(),
});

/** Replaces an object by itself, changed, without its annotations. */
async function replaceWithoutAnnotations(
  { kubectl }: Namespace,
  object: string,
  change: (object: z.infer<typeof wholeObject>) => object = (same) => same,
): Promise<void> {
  const whole = wholeObject.parse(JSON.parse(await succeed(kubectl(['get', object, '--output=json']))));
  const { annotations: _, resourceVersion: __, ...metadata } = whole.metadata;
  const replacement = { ...change(whole), metadata };
  await succeed(kubectl(['replace', '--filename=-'], JSON.stringify(replacement)));
}

describe.concurrent('a manifest without annotations that replaces', () => {
  const pinsOf = async (namespace: Namespace, kind: string) =>
    (await listed(namespace, kind)).flatMap(pinKeys);

  test('a ReplicaSet at zero leaves it its digest', async () => {
    await using at = await moved((image) => replicaSet(image, { ...unscheduled, replicas: 0 }), 0);
    await succeed(at.namespace.kubectl(['replace', '--filename=-'], JSON.stringify(at.manifest)));
    await scale(at.namespace, 'replicaset/web', 2);
    await havePods(at.namespace, 2, pending);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });

  test("a Deployment's ReplicaSet at zero leaves it its digest", async () => {
    await using at = await moved((image) => deployment(image, { ...unscheduled, replicas: 0 }), 0);
    const [replicaSetOf] = await listed(at.namespace, 'replicaset');
    await replaceWithoutAnnotations(at.namespace, `replicaset/${replicaSetOf?.name}`);
    await scale(at.namespace, 'deployment/web', 2);
    await havePods(at.namespace, 2, pending);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });

  test('a suspended Job, which it resumes, leaves it its digest', async () => {
    const suspended = (image: string) => job(image, { ...unscheduled, spec: { suspend: true } });
    await using at = await moved(suspended, 0);
    await replaceWithoutAnnotations(at.namespace, 'job/web', ({ spec, ...others }) => ({
      ...others,
      spec: { ...spec, suspend: false },
    }));
    await havePods(at.namespace, 1, pending);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });

  test('a ControllerRevision leaves it its digest', async () => {
    await using at = await moved((image) => statefulSet(image, { ...unscheduled, replicas: 1 }), 1);
    const [revision] = await listed(at.namespace, 'controllerrevision');
    await replaceWithoutAnnotations(at.namespace, `controllerrevision/${revision?.name}`);
    expect(await pinsOf(at.namespace, 'controllerrevision')).toHaveLength(1);
    await on(at.namespace, 'delete', 'pod', 'web-0');
    await havePods(at.namespace, 1, pending);
    expect(await imagesOf(at.namespace)).toEqual([at.first.pinned]);
  });
});

describe.concurrent('a ReplicaSet that somebody made with annotations of their own:', () => {
  const withAnnotations = (image: PushedImage, annotations: object) => {
    const manifest = replicaSet(image.tagged, unscheduled);
    return { ...manifest, metadata: { ...manifest.metadata, annotations } };
  };
  const pods = async (annotations: object) => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const first = await images.push();
    const manifest = JSON.stringify(withAnnotations(first, annotations));
    // `apply` would add an annotation of its own.
    await succeed(namespace.kubectl(['create', '--filename=-'], manifest));
    await havePods(namespace, 2, pending);
    await images.move(first);
    await scale(namespace, 'replicaset/web', 4);
    await havePods(namespace, 4, pending);
    return { seen: await imagesOf(namespace), expected: [first.pinned] };
  };

  test('a key at the edge of what can be read', async () => {
    const latest = (2 ** 53 - 2).toString(36);
    const { seen, expected } = await pods({ [`pins.tagpin.dev/own.${latest}`]: '{}' });
    expect(seen).toEqual(expected);
  });

  test('as many as there is room for', async () => {
    const { seen, expected } = await pods({ 'e2e.tagpin.dev/full': 'x'.repeat(256 * 1024 - 100) });
    expect(seen).toEqual(expected);
  });
});
