import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { run, succeed } from '../../support/command.ts';
import { Images, type PushedImage } from '../../support/images.ts';
import { createNamespace, type Namespace, podManifest } from '../../support/namespace.ts';
import { havePods, on } from '../../support/rollout.ts';
import { deployment, job, replicaSet, selectorOf, statefulSet } from '../../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const kubectl = (...args: string[]) =>
  succeed(
    run([cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, '-n', 'tagpin-system', ...args]),
  );
const spec = { schedulerName: 'none' };
const patchOf = (...operations: object[]) => ['--type=json', `--patch=${JSON.stringify(operations)}`];

describe('while tagpin is down', () => {
  let app: PushedImage;
  /** What was there before, pinned. */
  let before: Namespace;
  let withJob: Namespace;
  const gated = { schedulingGates: [{ name: 'example.com/later' }] };

  beforeAll(async () => {
    app = await images.push();
    before = await createNamespace(cluster, 'enforce');
    withJob = await createNamespace(cluster, 'enforce');
    const sleeping = {
      containers: [{ name: 'app', image: app.tagged, command: ['/bin/sleep', '3600'] }],
    };
    await succeed(
      before.apply(
        podManifest({ image: app.tagged, spec: { ...spec, ...gated } }),
        job(app.tagged, { name: 'finishing', pod: gated }),
        job(app.tagged, { name: 'deleted', pod: sleeping }),
        replicaSet(app.tagged, { name: 'orphaning-set' }),
        statefulSet(app.tagged, { name: 'orphaning-db', replicas: 1 }),
        deployment(app.tagged, { name: 'evicted', replicas: 1 }),
        deployment(app.tagged, { name: 'drained', replicas: 1 }),
      ),
    );
    await succeed(withJob.apply(job(app.tagged, { name: 'running', pod: sleeping })));
    await havePods(before, 1, { selector: selectorOf('deleted') });
    await havePods(before, 2, { selector: selectorOf('orphaning-set') });
    for (const name of ['orphaning-db', 'evicted', 'drained'])
      await havePods(before, 1, { selector: selectorOf(name) });
    await havePods(withJob, 1, { selector: selectorOf('running') });
    await kubectl('scale', 'deployment/tagpin', '--replicas=0');
    await kubectl(
      'wait',
      'pods',
      '--selector=app.kubernetes.io/name=tagpin',
      '--for=delete',
      '--timeout=60s',
    );
  }, 240_000);
  afterAll(async () => {
    await kubectl('scale', 'deployment/tagpin', '--replicas=2');
    await kubectl('rollout', 'status', 'deployment/tagpin', '--timeout=60s');
    await before[Symbol.asyncDispose]();
    await withJob.kubectl(['delete', 'namespace', withJob.name, '--ignore-not-found', '--wait=false']);
  }, 90_000);

  test('enforce has the API server refuse pods by tag', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const { code, stderr } = await namespace.apply(podManifest({ image: app.tagged, spec }));
    expect(code).not.toBe(0);
    expect(stderr).toContain('failed calling webhook "enforce.tagpin.dev"');
  });

  for (const mode of ['best-effort', 'audit'] as const)
    test(`${mode} admits them unchanged`, async () => {
      await using namespace = await createNamespace(cluster, mode);
      await succeed(namespace.apply(podManifest({ image: app.tagged, spec })));
      expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.tagged);
    });

  test('a pod by digest is created, and runs', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    await succeed(namespace.apply(podManifest({ image: app.pinned })));
    await namespace.running('web');
  });

  test('labels, annotations and finalizers of a pod can be changed', async () => {
    await on(before, 'label', 'pod', 'web', 'role=leader');
    await on(before, 'annotate', 'pod', 'web', 'example.com/team=blue');
    const finalizer = { path: '/metadata/finalizers', value: ['example.com/wait'] };
    await on(before, 'patch', 'pod', 'web', ...patchOf({ op: 'add', ...finalizer }));
    await on(before, 'patch', 'pod', 'web', ...patchOf({ op: 'remove', path: finalizer.path }));
  });

  test('a digest can not be replaced by a tag', async () => {
    const { code, stderr } = await before.kubectl(['set', 'image', 'pod/web', `app=${app.tagged}`]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('failed calling webhook "enforce.tagpin.dev"');
  });

  test('scheduling gates can be removed, and a Job whose pods end completes', async () => {
    const [pod] = await before.pods(selectorOf('finishing'));
    const ungated = patchOf({ op: 'remove', path: '/spec/schedulingGates' });
    await on(before, 'patch', 'pod', pod?.metadata.name ?? '', ...ungated);
    await on(before, 'wait', 'job/finishing', '--for=condition=complete', '--timeout=60s');
  });

  test("a deleted Job's pods are deleted", async () => {
    await on(before, 'delete', 'job', 'deleted', '--timeout=60s');
    await on(before, 'wait', 'pods', `--selector=${selectorOf('deleted')}`, '--for=delete', '--timeout=60s');
  });

  test('a namespace with a running Job is deleted', async () => {
    await on(withJob, 'delete', 'namespace', withJob.name, '--timeout=60s');
  }, 90_000);

  test.each([
    ['replicaset', 'orphaning-set', 2],
    ['statefulset', 'orphaning-db', 1],
  ])('a %s is deleted and leaves its pods', async (kind, name, pods) => {
    await on(before, 'delete', kind, name, '--cascade=orphan', '--timeout=60s');
    await havePods(before, pods, { selector: selectorOf(name) });
  });

  test('a pod is evicted', async () => {
    const [pod] = await before.pods(selectorOf('evicted'));
    const name = pod?.metadata.name ?? '';
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
    const path = `/api/v1/namespaces/${before.name}/pods/${name}/eviction`;
    await succeed(before.kubectl(['create', '--raw', path, '--filename', '-'], JSON.stringify(eviction)));
    await on(before, 'wait', `pod/${name}`, '--for=delete', '--timeout=60s');
  });

  test('a node is drained', async () => {
    const [node = ''] = (await on(before, 'get', 'nodes', '--output=name')).trim().split('\n');
    try {
      await on(before, 'drain', node, `--pod-selector=${selectorOf('drained')}`, '--timeout=60s');
    } finally {
      await on(before, 'uncordon', node);
    }
    expect(await before.pods(selectorOf('drained'))).toEqual([]);
  });

  test('kubectl debug accepts an image by digest, but not by tag', async () => {
    const debug = (image: string, name: string) =>
      before.kubectl(['debug', 'web', '--profile=general', `--image=${image}`, `--container=${name}`]);
    await succeed(debug(app.pinned, 'by-digest'));
    const { code, stderr } = await debug(app.tagged, 'by-tag');
    expect(code).not.toBe(0);
    expect(stderr).toContain('failed calling webhook "enforce.tagpin.dev"');
  });
});

test('enforce pins again once tagpin is back', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  await succeed(namespace.apply(podManifest({ image: app.tagged, spec })));
  expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
});
