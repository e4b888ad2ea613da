import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type AdoptOptions, adopt } from '../../../src/commands/adopt/adopt.ts';
import { type ApiServer, startSecureApiServer } from '../../support/api-server.ts';
import { runCommand } from '../../support/run-command.ts';

/** What the command prints with `-o json`. */
const reportSchema = z.object({
  namespace: z.string(),
  dryRun: z.boolean(),
  images: z.array(
    z.object({
      revision: z.string(),
      image: z.string().optional(),
      state: z.string(),
      digest: z.string().optional(),
      running: z.array(z.object({ digest: z.string(), from: z.string(), pods: z.number() })).optional(),
      tag: z.string().optional(),
      notes: z.array(z.string()),
    }),
  ),
});

/** A cluster with a namespace of workloads, as the API server stores them. */
export interface Cluster extends AsyncDisposable {
  readonly api: ApiServer;
  readonly folder: string;
  readonly kubeconfig: string;
  /** Runs the command in this process, for its JSON. */
  adopt(namespace: string, options?: Partial<AdoptOptions>): Promise<Adopted>;
}

export interface Adopted {
  code: number;
  report: z.infer<typeof reportSchema>;
  /** What it says to people. */
  said: string;
}

export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-adopt-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const api = await startSecureApiServer();
  await api.writeKubeconfig(kubeconfig);
  return {
    api,
    folder,
    kubeconfig,
    async adopt(namespace, options = {}) {
      const { code, out, err } = await runCommand('tagpin adopt', kubeconfig, (context) =>
        adopt(namespace, { timeout: 20_000, output: 'json', ...options }, context),
      );
      return {
        code,
        report: reportSchema.parse(JSON.parse(out)),
        said: err.replace(/^tagpin: cluster .*\n/m, ''),
      };
    },
    async [Symbol.asyncDispose]() {
      await api.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const owner = (apiVersion: string, kind: string, name: string, controller = true) => ({
  apiVersion,
  kind,
  name,
  uid: `uid-${name}`,
  controller,
});

const container = (image: string) => ({ containers: [{ name: 'web', image }] });

type Annotations = Record<string, string>;

/** A Deployment `web` and its ReplicaSet `web-abc`, whose pods come from {@link podOf}. */
export function deployment(
  namespace: string,
  spec: object | string,
  { copies = {}, annotations = {} }: { copies?: Annotations; annotations?: Annotations } = {},
) {
  const template = { spec: typeof spec === 'string' ? container(spec) : spec };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'web', uid: 'uid-web', annotations: copies },
      spec: { template },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        namespace,
        name: 'web-abc',
        uid: 'uid-web-abc',
        labels: { 'pod-template-hash': 'abc' },
        annotations,
        ownerReferences: [owner('apps/v1', 'Deployment', 'web')],
      },
      spec: { template },
    },
  ];
}

export interface PodOptions {
  image: string;
  imageId?: string;
  /** What it was pinned from. */
  from?: string;
  seconds?: number;
  status?: object;
  /** More or other containers. */
  spec?: object;
}

let pods = 0;
const pod = (namespace: string, controller: object, labels: Record<string, string>, options: PodOptions) => {
  const { image, imageId, from, seconds = 0, status, spec = container(image) } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name: `pod-${++pods}`,
      labels,
      creationTimestamp: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
      ownerReferences: [controller],
      ...(from !== undefined && { annotations: { 'tagpin.dev/images': JSON.stringify({ web: from }) } }),
    },
    spec,
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'web', ...(imageId !== undefined && { imageID: imageId }) }],
      ...status,
    },
  };
};

/** A pod of the ReplicaSet `web-abc`. */
export const podOf = (namespace: string, options: PodOptions) =>
  pod(namespace, owner('apps/v1', 'ReplicaSet', 'web-abc'), { 'pod-template-hash': 'abc' }, options);

/** A StatefulSet's, a DaemonSet's, a Job's and a ReplicationController's revision with a pod each. */
export function otherWorkloads(namespace: string, options: PodOptions) {
  const template = { spec: container(options.image) };
  const revision = (name: string, kind: string, set: string, labels: Record<string, string>) => ({
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: { namespace, name, labels, ownerReferences: [owner('apps/v1', kind, set)] },
    data: { spec: { template: { $patch: 'replace', ...template } } },
    revision: 1,
  });
  const job = { namespace, name: 'task', uid: 'uid-task' };
  const controller = { namespace, name: 'old', uid: 'uid-old' };
  return [
    revision('db-5f', 'StatefulSet', 'db', { 'controller.kubernetes.io/hash': '5f' }),
    pod(namespace, owner('apps/v1', 'StatefulSet', 'db'), { 'controller-revision-hash': 'db-5f' }, options),
    revision('agent-77', 'DaemonSet', 'agent', { 'controller-revision-hash': '77' }),
    pod(namespace, owner('apps/v1', 'DaemonSet', 'agent'), { 'controller-revision-hash': '77' }, options),
    { apiVersion: 'batch/v1', kind: 'Job', metadata: job, spec: { template } },
    pod(namespace, owner('batch/v1', 'Job', 'task'), {}, options),
    { apiVersion: 'v1', kind: 'ReplicationController', metadata: controller, spec: { template } },
    pod(namespace, owner('v1', 'ReplicationController', 'old'), {}, options),
  ];
}
