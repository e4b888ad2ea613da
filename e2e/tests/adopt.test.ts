import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { adopterOf } from '../support/adopter.ts';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace, type Namespace } from '../support/namespace.ts';
import { listed, on, pinKeys, podsOf, rolledOut } from '../support/rollout.ts';
import { until } from '../support/until.ts';
import { daemonSet, deployment, job, selectorOf, statefulSet } from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const LONG = 240_000;
const REVISIONS = 'replicasets,controllerrevisions,jobs';

const label = (namespace: Namespace, change: string) =>
  on(namespace, 'label', 'namespace', namespace.name, change);
const deletePods = (namespace: Namespace) => on(namespace, 'delete', 'pods', '--all', '--wait');

/** The distinct digests that the nodes report for a workload's pods, once `count` pods run. */
function running(namespace: Namespace, count: number, name = 'web'): Promise<string[]> {
  return until(`${count} pods of ${name} to run`, async () => {
    const statuses = (await podsOf(namespace, selectorOf(name))).map(
      ({ status }) => status.containerStatuses,
    );
    const run = statuses.every(([status]) => status?.state.running !== undefined);
    return run && statuses.length === count
      ? [...new Set(statuses.map(([status]) => status?.imageID ?? ''))].sort()
      : undefined;
  });
}

test(
  'images adopted before a namespace opts in keep their digests until the next rollout',
  async () => {
    await using namespace = await createNamespace(cluster);
    const adopt = await adopterOf(cluster, namespace);
    const app = await images.push();
    const endless = {
      name: 'task',
      pod: { containers: [{ name: 'app', image: app.tagged }] },
      spec: { parallelism: 2, completions: 2 },
    };
    await succeed(
      namespace.apply(
        deployment(app.tagged),
        statefulSet(app.tagged, { name: 'db', replicas: 2 }),
        daemonSet(app.tagged, { name: 'agent' }),
        job(app.tagged, endless),
      ),
    );
    const nodes = (await listed(namespace, 'nodes')).length;
    const count = { agent: nodes, db: 2, task: 2, web: 2 };
    for (const [name, pods] of Object.entries(count)) {
      expect(await running(namespace, pods, name)).toEqual([app.pinned]);
    }
    const moved = await images.push(app.name.split('/')[1]);

    const untouched = await listed(namespace, REVISIONS);
    const all = Object.values(count).map((pods) => ({
      image: app.tagged,
      state: 'adopted',
      digest: app.digest,
      tag: moved.digest,
      running: [{ digest: app.digest, from: 'imageID', pods }],
    }));
    expect(await adopt('--dry-run')).toMatchObject({ code: 0, images: all });
    expect(await listed(namespace, REVISIONS)).toEqual(untouched);
    const { images: adopted } = await adopt();
    expect(adopted).toMatchObject(all);
    expect(adopted.map(({ revision }) => revision.replace(/-[^-]+$/, ''))).toEqual([
      'controllerrevision/agent',
      'controllerrevision/db',
      'job/task',
      'replicaset/web',
    ]);
    const stored = await listed(namespace, REVISIONS);
    expect(stored.flatMap(pinKeys)).toHaveLength(4);
    expect(await adopt()).toMatchObject({ code: 0, images: adopted.map(() => ({ state: 'stored' })) });
    expect(await listed(namespace, REVISIONS)).toEqual(stored);

    await label(namespace, 'tagpin.dev/pin=enforce');
    await deletePods(namespace);
    await on(namespace, 'scale', 'deployment/web', '--replicas=4');
    await on(namespace, 'scale', 'statefulset/db', '--replicas=3');
    const more = { ...count, web: 4, db: 3 };
    for (const [name, pods] of Object.entries(more)) {
      expect(await running(namespace, pods, name)).toEqual([app.pinned]);
    }
    const specs = (await namespace.pods()).map(({ spec }) => spec.containers[0]?.image);
    expect(new Set(specs)).toEqual(new Set([app.pinned]));

    for (const [kind, name] of Object.entries({ deployment: 'web', statefulset: 'db', daemonset: 'agent' })) {
      await on(namespace, 'rollout', 'restart', `${kind}/${name}`);
      await on(namespace, 'rollout', 'status', `${kind}/${name}`, '--timeout=60s');
    }
    for (const name of ['web', 'db', 'agent'] as const) {
      expect(await running(namespace, more[name], name)).toEqual([moved.pinned]);
    }
  },
  LONG,
);

test(
  'adopted digests count although a rollback has left old pins on the Deployment',
  async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const adopt = await adopterOf(cluster, namespace);
    const app = await images.push();
    await succeed(namespace.apply(deployment(app.tagged)));
    await rolledOut(namespace);
    await on(namespace, 'set', 'env', 'deployment/web', 'version=2');
    await rolledOut(namespace);

    // While the namespace is opted out, the tag moves, and nothing strips the annotations that the rollback copies.
    await label(namespace, 'tagpin.dev/pin-');
    const second = await images.push(app.name.split('/')[1]);
    await on(namespace, 'rollout', 'undo', 'deployment/web');
    await rolledOut(namespace);
    expect(await running(namespace, 2)).toEqual([second.pinned]);
    const copies = (await listed(namespace, 'deployments')).flatMap(pinKeys);
    expect(copies).toHaveLength(1);
    await images.push(app.name.split('/')[1]);

    expect(await adopt()).toMatchObject({ code: 0, images: [{ state: 'adopted', digest: second.digest }] });
    // tagpin caches the pins it has read for this long.
    await delay(31_000);
    await label(namespace, 'tagpin.dev/pin=enforce');
    await deletePods(namespace);
    await on(namespace, 'scale', 'deployment/web', '--replicas=3');
    await rolledOut(namespace);
    expect((await listed(namespace, 'deployments')).flatMap(pinKeys)).toEqual(copies);
    expect(await running(namespace, 3)).toEqual([second.pinned]);
    expect(await adopt()).toMatchObject({
      code: 0,
      images: [{ state: 'stored', running: [{ from: 'spec', pods: 3 }] }],
    });

    // Rolls out, then back.
    await on(namespace, 'rollout', 'undo', 'deployment/web');
    await rolledOut(namespace);
    expect(await running(namespace, 3)).toEqual([app.pinned]);
    await on(namespace, 'rollout', 'undo', 'deployment/web');
    await rolledOut(namespace);
    expect(await running(namespace, 3)).toEqual([second.pinned]);
  },
  LONG,
);

test(
  'a revision whose pods run two digests is not written until the user chooses',
  async () => {
    await using namespace = await createNamespace(cluster);
    const adopt = await adopterOf(cluster, namespace);
    const app = await images.push();
    await succeed(namespace.apply(deployment(app.tagged, { replicas: 1 })));
    await rolledOut(namespace);
    // A pod's creation time has a resolution of one second.
    const moved = await images.move(app);
    await on(namespace, 'scale', 'deployment/web', '--replicas=2');
    await rolledOut(namespace);

    const untouched = await listed(namespace, REVISIONS);
    const { code, images: found } = await adopt();
    expect({ code, states: found.map(({ state }) => state) }).toEqual({ code: 1, states: ['several'] });
    const digests = found.flatMap((image) => image.running.map(({ digest, pods }) => `${pods} ${digest}`));
    expect(new Set(digests)).toEqual(new Set([`1 ${app.digest}`, `1 ${moved.digest}`]));
    expect(await listed(namespace, REVISIONS)).toEqual(untouched);

    expect(await adopt('--prefer', 'oldest')).toMatchObject({
      code: 0,
      images: [{ state: 'adopted', digest: app.digest }],
    });
    // the choice stands
    expect(await adopt()).toMatchObject({ code: 0, images: [{ state: 'stored', digest: app.digest }] });
    await label(namespace, 'tagpin.dev/pin=enforce');
    await deletePods(namespace);
    expect(await running(namespace, 2)).toEqual([app.pinned]);
  },
  LONG,
);
