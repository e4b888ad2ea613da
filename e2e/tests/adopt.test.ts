import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { readCluster } from '../support/cluster.ts';
import { run, succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace, type Manifest, type Namespace } from '../support/namespace.ts';
import { until } from '../support/until.ts';

const cluster = readCluster();
const images = new Images(cluster);
const main = join(import.meta.dirname, '../../src/main.ts');
const LONG = 240_000;

let folder: string;
let registryConfig: string;
beforeAll(() => {
  folder = mkdtempSync(join(cluster.directory, 'adopt-'));
  registryConfig = join(folder, 'tagpin.yaml');
  const registries = { [cluster.openRegistry]: { caFile: cluster.caFile } };
  writeFileSync(registryConfig, stringify({ registries }));
});
afterAll(() => rmSync(folder, { recursive: true }));

const report = z.object({
  images: z.array(
    z.object({
      revision: z.string(),
      image: z.string(),
      state: z.string(),
      digest: z.string().optional(),
      running: z.array(z.object({ digest: z.string(), from: z.string(), pods: z.number() })),
      tag: z.string().optional(),
    }),
  ),
});

/** What it takes to adopt in a namespace, and no more. */
const role = (name: string): Manifest[] => [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name },
    rules: [
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      { apiGroups: [''], resources: ['serviceaccounts', 'secrets'], verbs: ['get'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['list'] },
      { apiGroups: ['apps'], resources: ['replicasets', 'controllerrevisions'], verbs: ['list', 'patch'] },
      { apiGroups: ['batch'], resources: ['jobs'], verbs: ['list', 'patch'] },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', name }],
  },
];

/** The kubeconfig of one who may do that. */
async function adopterOf(namespace: Namespace): Promise<string> {
  await succeed(namespace.apply(...role('adopter')));
  const token = await succeed(namespace.kubectl(['create', 'token', 'adopter']));
  const config = JSON.parse(
    await succeed(namespace.kubectl(['config', 'view', '--raw', '--minify', '--output', 'json'])),
  );
  const users = [{ name: config.users[0].name, user: { token } }];
  const file = join(folder, `${namespace.name}.json`);
  writeFileSync(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return file;
}

/** Runs `tagpin adopt`, for its JSON. */
async function adopt(namespace: Namespace, ...options: string[]) {
  const { name } = namespace;
  const kubeconfig = await adopterOf(namespace);
  const access = ['--kubeconfig', kubeconfig, '--registry-config', registryConfig];
  const args = ['adopt', ...access, '-o', 'json', ...options, name];
  const { code, stdout, stderr } = await run([process.execPath, main, ...args]);
  expect(stderr).toMatch(/^tagpin: \d+ images?: /);
  return { code, images: report.parse(JSON.parse(stdout)).images };
}

const workload = (kind: string, name: string, image: string, spec: Manifest = {}): Manifest => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name },
  spec: {
    ...spec,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'app', image, imagePullPolicy: 'Always' }],
      },
    },
  },
});

/** A Job of two pods that never end, and are made anew when somebody deletes them. */
const job = (name: string, image: string): Manifest => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: `${name}-1` },
  spec: {
    parallelism: 2,
    completions: 2,
    podReplacementPolicy: 'TerminatingOrFailed',
    template: {
      metadata: { labels: { app: name } },
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'app', image, imagePullPolicy: 'Always' }],
      },
    },
  },
});

const rolledOut = (namespace: Namespace, ...workloads: string[]) =>
  Promise.all(
    workloads.map((name) => succeed(namespace.kubectl(['rollout', 'status', name, '--timeout=60s']))),
  );
const label = (namespace: Namespace, mode: string) =>
  succeed(
    run([
      cluster.programs.kubectl,
      '--kubeconfig',
      cluster.kubeconfig,
      'label',
      'namespace',
      namespace.name,
      mode,
    ]),
  );

/** The images that all pods of an app run, once there are as many as there are to be and all run. */
function running(namespace: Namespace, app: string, count: number): Promise<(string | undefined)[]> {
  return until(`${count} pods of ${app} to run`, async () => {
    const pods = await namespace.pods(`app=${app}`);
    const statuses = pods.map(({ status }) => status.containerStatuses[0]);
    const run = statuses.every((status) => status?.state.running !== undefined);
    return run && pods.length === count ? statuses.map((status) => status?.imageID) : undefined;
  });
}
const annotations = async (namespace: Namespace, object: string) =>
  await succeed(namespace.kubectl(['get', object, '--output', 'jsonpath={.metadata.annotations}']));
/** What every write to a revision changes. */
const annotationsOfRevisions = (namespace: Namespace) =>
  succeed(
    namespace.kubectl([
      'get',
      'replicasets,controllerrevisions,jobs',
      '--output',
      'jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations}{"\\n"}{end}',
    ]),
  );

test(
  'what is adopted before a namespace opts in stays as it runs until the next rollout',
  async () => {
    await using namespace = await createNamespace(cluster);
    const app = await images.push();
    await succeed(
      namespace.apply(
        workload('Deployment', 'web', app.tagged, { replicas: 2 }),
        workload('StatefulSet', 'db', app.tagged, { replicas: 2, serviceName: 'db' }),
        workload('DaemonSet', 'agent', app.tagged),
        job('task', app.tagged),
      ),
    );
    const all = ['deployment/web', 'statefulset/db', 'daemonset/agent'];
    await rolledOut(namespace, ...all);
    const nodes = (await namespace.pods('app=agent')).length;
    await running(namespace, 'task', 2);
    const moved = await images.push(app.name.split('/')[1]);

    const expected = ['controllerrevision/agent-', 'controllerrevision/db-', 'job/task-', 'replicaset/web-'];
    const before = await annotationsOfRevisions(namespace);
    for (const [options, state] of [
      [['--dry-run'], 'adopted'],
      [[], 'adopted'],
      [[], 'stored'],
    ] as const) {
      const untouched = await annotationsOfRevisions(namespace);
      const { code, images: adopted } = await adopt(namespace, ...options);
      expect(code).toBe(0);
      expect(adopted.map(({ revision }) => revision.replace(/-[^-]*$/, '-'))).toEqual(expected);
      for (const image of adopted) {
        const pods = image.revision.startsWith('controllerrevision/agent') ? nodes : 2;
        expect(image).toMatchObject({
          image: app.tagged,
          state,
          digest: app.digest,
          running: [{ digest: app.digest, from: 'imageID', pods }],
          ...(state === 'adopted' && { tag: moved.digest }),
        });
      }
      if (state === 'stored' || options.length > 0)
        expect(await annotationsOfRevisions(namespace)).toBe(untouched);
    }
    expect(await annotationsOfRevisions(namespace)).not.toBe(before);

    await label(namespace, 'tagpin.dev/pin=enforce');
    await succeed(namespace.kubectl(['delete', 'pods', '--all', '--wait']));
    await succeed(namespace.kubectl(['scale', 'deployment/web', '--replicas=4']));
    await succeed(namespace.kubectl(['scale', 'statefulset/db', '--replicas=3']));
    await rolledOut(namespace, ...all);
    const pinned = (count: number, to: string) => Array.from({ length: count }, () => to);
    expect(await running(namespace, 'web', 4)).toEqual(pinned(4, app.pinned));
    expect(await running(namespace, 'db', 3)).toEqual(pinned(3, app.pinned));
    expect(await running(namespace, 'agent', nodes)).toEqual(pinned(nodes, app.pinned));
    expect(await running(namespace, 'task', 2)).toEqual(pinned(2, app.pinned));
    const specs = (await namespace.pods()).map(({ spec }) => spec.containers[0]?.image);
    expect(new Set(specs)).toEqual(new Set([app.pinned]));

    for (const name of all) await succeed(namespace.kubectl(['rollout', 'restart', name]));
    await rolledOut(namespace, ...all);
    expect(await running(namespace, 'web', 4)).toEqual(pinned(4, moved.pinned));
    expect(await running(namespace, 'db', 3)).toEqual(pinned(3, moved.pinned));
    expect(await running(namespace, 'agent', nodes)).toEqual(pinned(nodes, moved.pinned));
  },
  LONG,
);

test(
  'what is adopted counts though the Deployment carries old pins, which a rollback has left there',
  async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    await succeed(namespace.apply(workload('Deployment', 'web', app.tagged, { replicas: 2 })));
    await rolledOut(namespace, 'deployment/web');
    await succeed(namespace.kubectl(['set', 'env', 'deployment/web', 'version=2']));
    await rolledOut(namespace, 'deployment/web');

    // Opted out for a while: the tag moves, and nobody strips what the rollback copies.
    await label(namespace, 'tagpin.dev/pin-');
    const second = await images.push(app.name.split('/')[1]);
    await succeed(namespace.kubectl(['rollout', 'undo', 'deployment/web']));
    await rolledOut(namespace, 'deployment/web');
    expect(await running(namespace, 'web', 2)).toEqual([second.pinned, second.pinned]);
    const copies = await annotations(namespace, 'deployment/web');
    expect(copies).toContain('pins.tagpin.dev/');
    expect(copies).toContain(app.digest);
    await images.push(app.name.split('/')[1]);

    const adopted = await adopt(namespace);
    expect(adopted).toMatchObject({ code: 0, images: [{ state: 'adopted', digest: second.digest }] });
    // So long tagpin believes the pins that it read before.
    await delay(30_000);
    await label(namespace, 'tagpin.dev/pin=enforce');
    await succeed(namespace.kubectl(['delete', 'pods', '--all', '--wait']));
    await succeed(namespace.kubectl(['scale', 'deployment/web', '--replicas=3']));
    await rolledOut(namespace, 'deployment/web');
    expect(await annotations(namespace, 'deployment/web')).toContain('pins.tagpin.dev/');
    const expected = [second.pinned, second.pinned, second.pinned];
    expect(await running(namespace, 'web', 3)).toEqual(expected);
    expect(await adopt(namespace)).toMatchObject({
      code: 0,
      images: [{ state: 'stored', running: [{ from: 'spec', pods: 3 }] }],
    });

    // There and back again.
    await succeed(namespace.kubectl(['rollout', 'undo', 'deployment/web']));
    await rolledOut(namespace, 'deployment/web');
    expect(await running(namespace, 'web', 3)).toEqual([app.pinned, app.pinned, app.pinned]);
    await succeed(namespace.kubectl(['rollout', 'undo', 'deployment/web']));
    await rolledOut(namespace, 'deployment/web');
    expect(await running(namespace, 'web', 3)).toEqual(expected);
  },
  LONG,
);

test(
  'a revision whose pods run two digests is left as it is until somebody chooses',
  async () => {
    await using namespace = await createNamespace(cluster);
    const app = await images.push();
    await succeed(namespace.apply(workload('Deployment', 'web', app.tagged, { replicas: 1 })));
    await rolledOut(namespace, 'deployment/web');
    const moved = await images.push(app.name.split('/')[1]);
    await succeed(namespace.kubectl(['scale', 'deployment/web', '--replicas=2']));
    await rolledOut(namespace, 'deployment/web');

    const before = await annotationsOfRevisions(namespace);
    const { code, images: found } = await adopt(namespace);
    expect({ code, states: found.map(({ state }) => state) }).toEqual({ code: 1, states: ['several'] });
    const digests = found.flatMap((image) => image.running.map(({ digest, pods }) => ({ digest, pods })));
    expect(digests).toHaveLength(2);
    expect(digests).toEqual(
      expect.arrayContaining([
        { digest: app.digest, pods: 1 },
        { digest: moved.digest, pods: 1 },
      ]),
    );
    expect(await annotationsOfRevisions(namespace)).toBe(before);

    expect(await adopt(namespace, '--prefer', 'oldest')).toMatchObject({
      code: 0,
      images: [{ state: 'adopted', digest: app.digest }],
    });
    await label(namespace, 'tagpin.dev/pin=enforce');
    await succeed(namespace.kubectl(['delete', 'pods', '--all', '--wait']));
    expect(await running(namespace, 'web', 2)).toEqual([app.pinned, app.pinned]);
  },
  LONG,
);
