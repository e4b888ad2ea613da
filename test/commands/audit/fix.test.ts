import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { AuditOptions } from '../../../src/commands/audit/options.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import {
  type AuditCluster,
  deployment,
  namespaceObject,
  ownerReference,
  pod,
  podOf,
  startAuditCluster,
  workload,
} from './audits.ts';

let cluster: AuditCluster;
let registry: Registry;
let namespace: string;
let name: string;
let digest: string;
let counter = 0;

beforeAll(async () => {
  cluster = await startAuditCluster();
  registry = await startRegistry();
});
afterAll(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});
beforeEach(() => {
  namespace = `team-${++counter}`;
  cluster.put(namespaceObject(namespace));
  name = `${registry.host}/app-${counter}`;
  digest = registry.push(`app-${counter}`, 'latest', image());
});

async function fix(options: Partial<AuditOptions> = {}) {
  const { code, out, said } = await cluster.print({
    namespace: [namespace],
    fix: options.fixReplace !== true,
    ...options,
  });
  const manifests: unknown[] = parseAllDocuments(out).map((document) => document.toJS());
  const remarks = out.split('\n').filter((line) => line.startsWith('#'));
  return { code, said, out, manifests, remarks };
}
const runs = () => ({ imageId: `${name}@${digest}` });

test('the manifest that pins a pod on latest names it, with the digest that runs', async () => {
  cluster.put(
    ...deployment({ namespace, image: name, pullPolicy: 'Always' }),
    podOf({ namespace, name: 'web-1', image: name, pullPolicy: 'Always', ...runs() }),
    podOf({ namespace, name: 'web-2', image: name, pullPolicy: 'Always', ...runs() }),
  );
  const { code, manifests, remarks } = await fix({ only: ['latest'] });
  expect(remarks).toEqual([
    `# deployment/web in ${namespace}: pods web-1, web-2`,
    `# web: ${name} becomes ${name}@${digest} (without a tag; not by digest)`,
  ]);
  expect({ code, manifests }).toEqual({
    code: 0,
    manifests: [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        // Nothing that controllers and the API server wrote.
        metadata: { name: 'web', namespace, annotations: { 'example.com/team': 'a' } },
        spec: {
          replicas: 2,
          template: {
            metadata: { labels: { app: 'web' } },
            spec: {
              containers: [{ name: 'web', image: `${name}@${digest}`, imagePullPolicy: 'IfNotPresent' }],
            },
          },
        },
      },
    ],
  });
});

test.each([
  ['StatefulSet', 'apps/v1'],
  ['DaemonSet', 'apps/v1'],
  ['ReplicaSet', 'apps/v1'],
])('a %s is fixed at its template', async (kind, apiVersion) => {
  cluster.put(
    workload(apiVersion, kind, { namespace, image: name }),
    pod({ namespace, image: name, ...runs(), owner: ownerReference(apiVersion, kind, 'web') }),
  );
  expect((await fix()).manifests).toMatchObject([
    { apiVersion, kind, spec: { template: { spec: { containers: [{ image: `${name}@${digest}` }] } } } },
  ]);
});

test('a CronJob is fixed, and not the Jobs that it created', async () => {
  const template = { spec: { containers: [{ name: 'web', image: name }] } };
  cluster.put(
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { namespace, name: 'nightly', uid: 'uid-CronJob-nightly' },
      spec: { schedule: '@daily', jobTemplate: { spec: { template } } },
    },
    workload('batch/v1', 'Job', {
      namespace,
      image: name,
      name: 'nightly-1',
      owner: ownerReference('batch/v1', 'CronJob', 'nightly'),
    }),
    pod({ namespace, image: name, ...runs(), owner: ownerReference('batch/v1', 'Job', 'nightly-1') }),
  );
  const { manifests } = await fix();
  expect(manifests).toMatchObject([
    {
      kind: 'CronJob',
      spec: {
        jobTemplate: { spec: { template: { spec: { containers: [{ image: `${name}@${digest}` }] } } } },
      },
    },
  ]);
});

test('a Job loses the selector and labels with its own uid, or it could not be created', async () => {
  const generated = {
    'batch.kubernetes.io/controller-uid': 'x',
    'controller-uid': 'x',
    'job-name': 'web',
    app: 'web',
  };
  const job = workload('batch/v1', 'Job', { namespace, image: name });
  cluster.put({
    ...job,
    metadata: { ...job.metadata, labels: generated },
    spec: {
      selector: { matchLabels: { 'controller-uid': 'x' } },
      template: { ...job.spec.template, metadata: { labels: generated } },
    },
  });
  const { manifests, remarks } = await fix({ fixReplace: true });
  expect(manifests).toMatchObject([
    { metadata: { labels: { app: 'web' } }, spec: { template: { metadata: { labels: { app: 'web' } } } } },
  ]);
  expect(JSON.stringify(manifests)).not.toMatch(/controller-uid|selector/);
  expect(remarks.at(-1)).toBe("# a Job's template can't be changed: kubectl replace --force");
});

test('a bare Pod loses its node and what the API server mounted into it', async () => {
  cluster.put(
    pod({
      namespace,
      name: 'alone',
      image: name,
      ...runs(),
      node: 'intel',
      spec: {
        containers: [
          {
            name: 'web',
            image: name,
            volumeMounts: [
              { name: 'kube-api-access-x2', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
              { name: 'data', mountPath: '/data' },
            ],
          },
        ],
        ephemeralContainers: [{ name: 'debug', image: `${name}@${digest}` }],
        volumes: [{ name: 'kube-api-access-x2' }, { name: 'data', emptyDir: {} }],
      },
    }),
  );
  const { manifests } = await fix({ fixReplace: true });
  expect(manifests).toEqual([
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'alone', namespace },
      spec: {
        containers: [
          { name: 'web', image: `${name}@${digest}`, volumeMounts: [{ name: 'data', mountPath: '/data' }] },
        ],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    },
  ]);
});

test('Always becomes IfNotPresent where the image is by digest already, unless the configuration keeps it', async () => {
  const pinned = `${name}@${digest}`;
  cluster.put(
    ...deployment({ namespace, image: pinned, pullPolicy: 'Always' }),
    podOf({ namespace, image: pinned, pullPolicy: 'Always' }),
  );
  const policyOf = (manifests: unknown[]) => /"imagePullPolicy":"(\w+)"/.exec(JSON.stringify(manifests))?.[1];
  expect(policyOf((await fix()).manifests)).toBe('IfNotPresent');
  const registryConfig = join(cluster.folder, 'keep.yaml');
  writeFileSync(registryConfig, 'pin: { pullPolicy: keep }\n');
  expect(policyOf((await fix({ registryConfig })).manifests)).toBe('Always');
});

test('what tagpin has pinned needs no fix, though its template is by tag', async () => {
  cluster.put(
    ...deployment({ namespace, image: name }),
    podOf({ namespace, image: `${name}@${digest}`, from: name }),
  );
  expect(await fix()).toMatchObject({ code: 0, out: '', said: 'tagpin: nothing to fix\n' });
});

test('of a revision that runs two digests, the newest pods have it', async () => {
  const after = registry.push(`app-${counter}`, 'latest', image());
  cluster.put(
    ...deployment({ namespace, image: name }),
    podOf({ namespace, image: name, imageId: `${name}@${after}`, seconds: 9 }),
    podOf({ namespace, image: name, imageId: `${name}@${digest}`, seconds: 1 }),
  );
  expect((await fix()).manifests).toMatchObject([
    { spec: { template: { spec: { containers: [{ image: `${name}@${after}` }] } } } },
  ]);
});

test('comments say what can not be fixed: other kinds, other owners, injected containers', async () => {
  const managed = workload('apps/v1', 'StatefulSet', {
    namespace,
    image: name,
    name: 'db',
    owner: { apiVersion: 'example.com/v1', kind: 'Database', name: 'db', uid: 'x' },
  });
  cluster.put(
    pod({
      namespace,
      image: name,
      ...runs(),
      owner: ownerReference('argoproj.io/v1alpha1', 'Rollout', 'shop'),
    }),
    managed,
    pod({ namespace, image: name, ...runs(), owner: ownerReference('apps/v1', 'StatefulSet', 'db') }),
    ...deployment({ namespace, image: `${name}@${digest}` }),
    podOf({ namespace, image: name, ...runs(), spec: { containers: [{ name: 'sidecar', image: name }] } }),
  );
  const { remarks, manifests } = await fix();
  expect(remarks).toContain(`# tagpin doesn't know Rollout: write ${name}@${digest} for web`);
  expect(remarks).toContain('# database/db made it and may put it back: write it there');
  expect(remarks).toContain(
    `# container "sidecar" with ${name} isn't in its template: tell whatever adds it`,
  );
  expect(manifests).toMatchObject([null, null, { kind: 'StatefulSet' }]);
});

test('a static pod has no manifest to apply, and a comment says where it is written', async () => {
  cluster.put(pod({ namespace, image: name, ...runs(), owner: ownerReference('v1', 'Node', 'intel') }));
  const { manifests, remarks } = await fix();
  expect(manifests).toEqual([null]);
  expect(remarks[1]).toBe(
    `# node/intel made it from a file of its own: write ${name}@${digest} for web there`,
  );
});

test('-o json is a List, and a workload that may not be read is a separate failure', async () => {
  cluster.put(...deployment({ namespace, image: name }), podOf({ namespace, image: name, ...runs() }));
  const { out } = await cluster.print({ namespace: [namespace], fix: true, output: 'json' });
  expect(JSON.parse(out)).toMatchObject({ apiVersion: 'v1', kind: 'List', items: [{ kind: 'Deployment' }] });
  const restore = cluster.api.fail({ resource: 'deployments', verbs: ['get'], effect: 'forbidden' });
  const { code, said, remarks } = await fix();
  restore();
  expect({ code, remark: remarks[1] }).toEqual({ code: 3, remark: "# it can't be read" });
  expect(said).toMatch(
    /^tagpin: nothing to apply\ntagpin: deployment\/web of namespace team-\d+ can't be read: .*; ask for that permission\n$/,
  );
});

/** As the API server returns it, with its defaults. */
const defaulted = (annotations: Record<string, string>) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    namespace,
    name: 'web',
    uid: 'uid-Deployment-web',
    generation: 2,
    annotations: { 'deployment.kubernetes.io/revision': '2', ...annotations },
    managedFields: [{ manager: 'kubectl' }],
  },
  spec: {
    replicas: 3,
    progressDeadlineSeconds: 600,
    revisionHistoryLimit: 10,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { creationTimestamp: null, labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'web',
            image: name,
            imagePullPolicy: 'Always',
            ports: [{ containerPort: 80, protocol: 'TCP' }],
            env: [
              { name: 'NODE', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } },
              { name: 'EMPTY' },
            ],
            readinessProbe: {
              httpGet: { path: '/', port: 80, scheme: 'HTTP' },
              periodSeconds: 5,
              timeoutSeconds: 1,
              successThreshold: 1,
              failureThreshold: 3,
            },
            resources: {},
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
          },
        ],
        volumes: [
          { name: 'data', emptyDir: {} },
          { name: 'settings', configMap: { name: 'settings', defaultMode: 420 } },
        ],
        dnsPolicy: 'ClusterFirst',
        restartPolicy: 'Always',
        schedulerName: 'default-scheduler',
        securityContext: {},
        serviceAccount: 'web',
        serviceAccountName: 'web',
        terminationGracePeriodSeconds: 30,
      },
    },
  },
  status: { replicas: 3 },
});
const running = () => podOf({ namespace, image: name, pullPolicy: 'Always', ...runs() });

test("a manifest has none of the API server's defaults", async () => {
  cluster.put(defaulted({ 'example.com/team': 'a' }), running());
  const [, replicaSet] = deployment({ namespace, image: name });
  if (replicaSet !== undefined) cluster.put(replicaSet);
  expect((await fix()).manifests).toEqual([
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'web', annotations: { 'example.com/team': 'a' } },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [
              {
                name: 'web',
                image: `${name}@${digest}`,
                imagePullPolicy: 'IfNotPresent',
                ports: [{ containerPort: 80 }],
                env: [
                  { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
                  { name: 'EMPTY' },
                ],
                readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 5 },
              },
            ],
            volumes: [
              { name: 'data', emptyDir: {} },
              { name: 'settings', configMap: { name: 'settings' } },
            ],
            serviceAccountName: 'web',
          },
        },
      },
    },
  ]);
});

test('what kubectl applied has the fields that were applied, as they are now, and so loses none', async () => {
  const applied = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    // As of an export, or of `kubectl create --dry-run`.
    metadata: { namespace, name: 'web', annotations: {}, creationTimestamp: null, uid: 'of-another' },
    status: {},
    spec: {
      strategy: {},
      // Scaled since.
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { creationTimestamp: null, labels: { app: 'web' } },
        spec: {
          serviceAccountName: 'web',
          containers: [
            { name: 'gone', image: 'gone:1' },
            {
              name: 'web',
              image: `${name}:0`,
              ports: [{ containerPort: 80 }],
              env: [{ name: 'EMPTY', value: '' }],
            },
          ],
        },
      },
    },
  };
  const [, replicaSet] = deployment({ namespace, image: name });
  if (replicaSet !== undefined) cluster.put(replicaSet);
  cluster.put(
    defaulted({ 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(applied) }),
    running(),
  );
  expect((await fix()).manifests).toEqual([
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'web', annotations: {} },
      spec: {
        strategy: {},
        replicas: 3,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            serviceAccountName: 'web',
            containers: [
              {
                name: 'web',
                image: `${name}@${digest}`,
                imagePullPolicy: 'IfNotPresent',
                ports: [{ containerPort: 80 }],
                env: [{ name: 'EMPTY' }],
              },
            ],
          },
        },
      },
    },
  ]);
});

test('what can not be changed in place is a stream of its own, and each names the other', async () => {
  cluster.put(
    ...deployment({ namespace, image: name }),
    podOf({ namespace, image: name, ...runs() }),
    pod({ namespace, name: 'alone', image: name, ...runs() }),
  );
  const kinds = (manifests: unknown[]) => /"kind":"(\w+)"/.exec(JSON.stringify(manifests))?.[1];
  const [inPlace, replaced] = [await fix(), await fix({ fixReplace: true })];
  expect([inPlace, replaced].map(({ manifests }) => [manifests.length, kinds(manifests)])).toEqual([
    [1, 'Deployment'],
    [1, 'Pod'],
  ]);
  expect(inPlace.said).toBe(
    `tagpin: pod/alone in ${namespace} can't be changed in place: --fix-replace prints that for kubectl replace --force -f -\n`,
  );
  expect(replaced.said).toBe(
    `tagpin: deployment/web in ${namespace} can be changed in place: --fix prints that for kubectl apply -f -\n`,
  );
  cluster.api.remove('Deployment', namespace, 'web');
});

test('a warning says that it is not known what runs', async () => {
  const id = `sha256:${'a'.repeat(64)}`;
  cluster.put(...deployment({ namespace, image: name }), podOf({ namespace, image: name, imageId: id }));
  const { said, remarks } = await fix();
  const warning = `web: what runs isn't known: imageID isn't a digest from a registry: ${id}; what the tag has now may be another image`;
  expect(remarks).toContain(`# warning: ${warning}`);
  expect(said).toBe(`tagpin: warning: deployment/web in ${namespace}, ${warning}\n`);
});
