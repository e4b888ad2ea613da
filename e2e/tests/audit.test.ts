import { expect, test } from 'vitest';
import { type Audited, auditorOf } from '../support/auditor.ts';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { createCrane } from '../support/crane.ts';
import { Images } from '../support/images.ts';
import { createNamespace, type Namespace, podManifest } from '../support/namespace.ts';
import { on, podsOf, rolledOut } from '../support/rollout.ts';
import { until } from '../support/until.ts';
import { cronJob, daemonSet, deployment, selectorOf, statefulSet } from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const crane = createCrane({
  crane: cluster.programs.crane,
  caFile: cluster.caFile,
  dockerConfig: cluster.dockerConfig,
});
const LONG = 180_000;
const PLATFORM = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;

/** Waits until all pods of a workload run, so that their nodes report the digests. */
const run = (namespace: Namespace, count: number, name = 'web') =>
  until(`${count} pods of ${name} to run`, async () => {
    const pods = await podsOf(namespace, selectorOf(name));
    const statuses = pods.map(({ status }) => status.containerStatuses[0]);
    const isRunning = statuses.every(
      (status) => status?.state.running !== undefined && status.imageID !== '',
    );
    return (isRunning && pods.length === count) || undefined;
  });

/** The distinct findings by workload. */
function found({ images: all }: Audited): Record<string, string[]> {
  const byWorkload = Map.groupBy(all, ({ workload }) => workload.name);
  return Object.fromEntries(
    [...byWorkload].map(([name, own]) => [
      name,
      [...new Set(own.flatMap(({ findings }) => findings.map(({ kind }) => kind)))].sort(),
    ]),
  );
}

test(
  'an audit finds real pods on latest, by tag, on a tag that has moved, and on two digests',
  async () => {
    await using namespace = await createNamespace(cluster);
    const { audit, auditAll } = await auditorOf(cluster, namespace);
    const [latest, still, moving, mixed] = await Promise.all([
      images.push(),
      images.push(undefined, '1'),
      images.push(undefined, '1'),
      images.push(undefined, '1'),
    ]);
    await succeed(
      namespace.apply(
        deployment(latest.name, { name: 'floating' }),
        statefulSet(still.tagged, { name: 'still', replicas: 1 }),
        deployment(moving.tagged, { name: 'moving', replicas: 1 }),
        deployment(mixed.tagged, {
          name: 'mixed',
          replicas: 1,
          pod: { containers: [{ name: 'app', image: mixed.tagged, imagePullPolicy: 'Always' }] },
        }),
        deployment(still.pinned, {
          name: 'always',
          replicas: 1,
          pod: { containers: [{ name: 'app', image: still.pinned, imagePullPolicy: 'Always' }] },
        }),
        cronJob(still.tagged, { name: 'nightly' }),
      ),
    );
    for (const [name, count] of Object.entries({ floating: 2, still: 1, moving: 1, mixed: 1, always: 1 })) {
      await run(namespace, count, name);
    }
    const moved = await images.move(moving);
    await images.move(mixed);
    await on(namespace, 'scale', 'deployment/mixed', '--replicas=2');
    await run(namespace, 2, 'mixed');

    const report = await audit('--fail-on', 'mixed');
    expect(report.stderr).toBe('');
    expect(report.code).toBe(1);
    expect(found(report)).toEqual({
      floating: ['latest', 'unpinned'],
      still: ['unpinned'],
      moving: ['drift', 'unpinned'],
      mixed: ['drift', 'mixed', 'unpinned'],
      always: ['always'],
      nightly: ['unpinned'],
    });
    const ofMoving = report.images.find(({ workload }) => workload.name === 'moving');
    expect(ofMoving).toMatchObject({
      tag: moved.digest,
      use: moving.pinned,
      runs: { digest: moving.digest },
    });
    expect(report.images.find(({ workload }) => workload.name === 'floating')).toMatchObject({
      use: latest.pinned,
      runs: { digest: latest.digest, from: 'imageID' },
    });

    const all = await auditAll('--no-registry');
    expect({ code: all.code, stderr: all.stderr }).toEqual({ code: 0, stderr: '' });
    expect(all.namespaces.map(({ name }) => name)).toEqual(
      expect.arrayContaining([namespace.name, 'kube-system']),
    );
  },
  LONG,
);

test(
  'pods that tagpin has pinned count as by digest, and drift is found for their tag',
  async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const { audit } = await auditorOf(cluster, namespace);
    const app = await images.push();
    await succeed(namespace.apply(deployment(app.tagged), cronJob(app.tagged, { name: 'nightly' })));
    await rolledOut(namespace);
    const before = await audit();
    expect(before).toMatchObject({ code: 0, summary: { images: 3, templates: 1, pinned: 2 } });
    expect(before.namespaces).toMatchObject([{ mode: 'enforce' }]);
    expect(found(before)).toEqual({ web: [], nightly: [] });

    const moved = await images.move(app);
    const after = await audit('--only', 'drift');
    expect(after.images).toMatchObject([
      { image: app.pinned, runs: { digest: app.digest, from: 'spec' }, tag: moved.digest, use: app.pinned },
    ]);
  },
  LONG,
);

test(
  'another digest of the same image, as containerd reports it, is neither drift nor a second digest',
  async () => {
    await using namespace = await createNamespace(cluster);
    const { audit } = await auditorOf(cluster, namespace);
    const app = await images.push(undefined, 'one');
    // The config of these images names no platform, and an index must.
    await crane('mutate', app.tagged, '--set-platform', PLATFORM, '--tag', app.tagged);
    // Another manifest with the same config, and an index of it.
    const tagged = { one: app.tagged, again: `${app.name}:again`, index: `${app.name}:index` };
    await crane('mutate', tagged.one, '--annotation', 'build=again', '--tag', tagged.again);
    await crane('index', 'append', '--manifest', tagged.again, '--tag', tagged.index);
    const digests = await Promise.all(Object.values(tagged).map((image) => crane('digest', image)));
    expect(new Set(digests).size).toBe(3);

    const pods = Object.entries(tagged).map(([name, image]) => podManifest({ name, image }));
    const runAll = async () => {
      await succeed(namespace.apply(...pods));
      return Promise.all(
        Object.keys(tagged).map(
          async (name) => (await namespace.running(name)).status.containerStatuses[0]?.imageID,
        ),
      );
    };
    // Only the second time is the node sure to have all three, and it may report any of them.
    await runAll();
    await on(namespace, 'delete', 'pods', '--all');
    const reported = await runAll();
    const report = await audit();
    expect({ reported: new Set(reported).size, code: report.code, found: found(report) }).toEqual({
      reported: 1,
      code: 0,
      found: { one: ['unpinned'], again: ['unpinned'], index: ['unpinned'] },
    });
    expect(report.images.map(({ use }) => use).sort()).toEqual(
      digests.map((digest) => `${app.name}@${digest}`).sort(),
    );
  },
  LONG,
);

/** A pod's spec with fields in which the API server writes defaults. */
const fieldsWithDefaults = (image: string) => ({
  containers: [
    {
      name: 'app',
      image,
      ports: [{ containerPort: 8080 }],
      env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
      lifecycle: {},
      volumeMounts: [{ name: 'info', mountPath: '/info' }],
    },
  ],
  volumes: [
    { name: 'scratch', emptyDir: {} },
    {
      name: 'info',
      downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
    },
  ],
});

test(
  'the output of --fix can be applied, and leaves no findings',
  async () => {
    await using namespace = await createNamespace(cluster);
    const auditor = await auditorOf(cluster, namespace);
    const app = await images.push();
    await succeed(
      namespace.apply(
        deployment(app.name),
        cronJob(app.tagged, { name: 'nightly' }),
        podManifest({ name: 'alone', image: app.name }),
      ),
    );
    // Not by `kubectl apply`, which remembers what it was given.
    const made = [
      deployment(app.name, { name: 'made', replicas: 1, pod: fieldsWithDefaults(app.name) }),
      statefulSet(app.name, { name: 'set', replicas: 1, pod: fieldsWithDefaults(app.name) }),
      daemonSet(app.name, { name: 'every', pod: fieldsWithDefaults(app.name) }),
    ];
    const stream = made.map((manifest) => JSON.stringify(manifest)).join('\n');
    await succeed(namespace.kubectl(['create', '--filename', '-'], stream));
    await rolledOut(namespace);
    for (const name of ['made', 'set', 'every']) await run(namespace, 1, name);
    await namespace.running('alone');
    await images.move(app);

    const [inPlace, replaced] = await Promise.all([auditor.run('--fix'), auditor.run('--fix-replace')]);
    expect([inPlace.code, replaced.code]).toEqual([0, 0]);
    expect(inPlace.stdout).toMatch(/^# deployment\/web in e2e-\w+: pods web-\w+-\w+, web-\w+-\w+$/m);
    const specs = () =>
      Promise.all(
        ['deployment/web', 'deployment/made', 'statefulset/set', 'daemonset/every', 'cronjob/nightly'].map(
          (name) => on(namespace, 'get', name, '--output', 'jsonpath={.metadata.labels}{.spec}'),
        ),
      );
    const live = await specs();
    // Client-side apply, as most do it, of the whole stream; and what it says to do with the rest.
    expect(await namespace.kubectl(['apply', '--filename', '-'], inPlace.stdout)).toMatchObject({ code: 0 });
    expect(await namespace.kubectl(['replace', '--force', '--filename', '-'], replaced.stdout)).toMatchObject(
      { code: 0 },
    );
    const byDigest = (text: string) => text.replaceAll(/"image":"[^"]*","imagePullPolicy":"\w+"/g, '');
    expect((await specs()).map(byDigest)).toEqual(live.map(byDigest));
    await rolledOut(namespace);
    await namespace.running('alone');
    await until('all pods to be by digest', async () => {
      const pods = await namespace.pods();
      return pods.every(({ spec }) => spec.containers.every(({ image }) => image.includes('@'))) || undefined;
    });
    const report = await auditor.audit('--fail-on', 'latest,unpinned,always,mixed');
    expect({ code: report.code, found: found(report) }).toEqual({
      code: 0,
      found: { web: [], made: [], set: [], every: [], nightly: [], alone: [] },
    });
    const policies = (await namespace.pods()).flatMap(({ spec }) =>
      spec.containers.map(({ image, imagePullPolicy }) => `${image} ${imagePullPolicy}`),
    );
    expect(new Set(policies)).toEqual(new Set([`${app.pinned} IfNotPresent`]));
  },
  LONG,
);

test(
  'a label in a namespace that the webhook configuration leaves out is found',
  async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const auditor = await auditorOf(cluster, namespace);
    expect(await auditor.audit('--fail-on', 'ineffective')).toMatchObject({
      code: 0,
      namespaces: [{ mode: 'enforce', findings: [] }],
    });
    await on(namespace, 'label', '--overwrite', 'namespace', 'kube-node-lease', 'tagpin.dev/pin=enforce');
    const all = await auditor.auditAll('--no-registry', '--fail-on', 'ineffective');
    await on(namespace, 'label', 'namespace', 'kube-node-lease', 'tagpin.dev/pin-');
    expect(all.code).toBe(4);
    expect(all.namespaces.find(({ name }) => name === 'kube-node-lease')?.findings).toMatchObject([
      { kind: 'ineffective' },
    ]);
  },
  LONG,
);
