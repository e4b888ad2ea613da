import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { keep } from '../../../src/commands/keep/keep.ts';
import type { KeepOptions } from '../../../src/commands/keep/options.ts';
import { type CommandCluster, type Put, startCommandCluster } from '../../support/command-cluster.ts';
import { runCommand } from '../../support/run-command.ts';

const use = z.object({ namespace: z.string(), by: z.string(), why: z.string(), pods: z.number() });
const write = z.object({
  tag: z.string(),
  adds: z.array(z.string()),
  releases: z.array(z.string()),
  done: z.boolean(),
});

/** What the command prints with `-o json`. */
export const keepSchema = z.object({
  cluster: z.object({ name: z.string().optional(), server: z.string() }),
  namespaces: z.array(z.string()).optional(),
  digests: z.array(
    z.object({
      image: z.string(),
      repository: z.string(),
      digest: z.string(),
      certain: z.boolean(),
      uses: z.array(use),
    }),
  ),
  dryRun: z.boolean().optional(),
  repositories: z
    .array(
      z.object({
        repository: z.string(),
        writes: z.array(write),
        held: z.array(z.string()),
        touched: z.array(z.string()),
        gone: z.array(z.string()),
        problems: z.array(z.string()),
        unfinished: z.boolean(),
      }),
    )
    .optional(),
});
export type KeepData = z.infer<typeof keepSchema>;

/** A cluster, and the command run at it. */
export interface KeepCluster extends CommandCluster {
  /** For its JSON. */
  keep(options?: Partial<KeepOptions>): Promise<{ code: number; said: string; data: KeepData }>;
  /** For what it prints, whatever it is. */
  print(options?: Partial<KeepOptions>): Promise<{ code: number; out: string; said: string }>;
  /** A docker config with a login, for `--docker-config`. */
  login(registry: string, username: string, password: string): string;
}

let files = 0;

export async function startKeepCluster(uid = 'uid-of-this-cluster'): Promise<KeepCluster> {
  const system = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system', uid } };
  const cluster = await startCommandCluster(system);
  const { folder, kubeconfig } = cluster;
  const print: KeepCluster['print'] = async (options = {}) => {
    const { code, out, err } = await runCommand('tagpin keep', kubeconfig, (context) =>
      keep({ timeout: 20_000, ...options }, context),
    );
    return { code, out, said: err };
  };
  return {
    ...cluster,
    print,
    async keep(options) {
      const { code, out, said } = await print({ output: 'json', ...options });
      return { code, said, data: keepSchema.parse(JSON.parse(out)) };
    },
    login(registry, username, password) {
      const file = join(folder, `login-${++files}.json`);
      const auth = Buffer.from(`${username}:${password}`).toString('base64');
      writeFileSync(file, JSON.stringify({ auths: { [registry]: { auth } } }));
      return file;
    },
  };
}

export const namespaceObject = (name: string): Put => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
});

interface Owner {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller: boolean;
}
const owner = (apiVersion: string, kind: string, name: string): Owner => ({
  apiVersion,
  kind,
  name,
  uid: `uid-${kind}-${name}`,
  controller: true,
});

const containers = (image: string) => ({ containers: [{ name: 'app', image }] });

export interface PodInput {
  image: string;
  imageId?: string;
  name?: string;
  owner?: Owner;
  phase?: string;
  metadata?: object;
}

let pods = 0;

export function podObject(namespace: string, input: PodInput): Put {
  const { image, imageId, name = `pod-${++pods}`, phase = 'Running', metadata } = input;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      ...(input.owner && { ownerReferences: [input.owner] }),
      ...metadata,
    },
    spec: containers(image),
    status: {
      phase,
      containerStatuses: [{ name: 'app', ...(imageId !== undefined && { imageID: imageId }) }],
    },
  };
}

/** An annotation with a revision's stored pins. */
export const pins = (hash: string, digests: Record<string, string | null>) => ({
  [`pins.tagpin.dev/${hash}.100`]: JSON.stringify(digests),
});

export const replicaSetOwner = (name: string) => owner('apps/v1', 'ReplicaSet', name);

export function deploymentObject(namespace: string, name: string, image: string, spec: object = {}): Put {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name, uid: `uid-Deployment-${name}` },
    spec: { template: { spec: containers(image) }, ...spec },
  };
}

export interface RevisionInput {
  /** Of the owner. */
  of: string;
  hash: string;
  number: number;
  image: string;
  digests?: Record<string, string | null>;
}

export function replicaSetObject(
  namespace: string,
  { of, hash, number, image, digests = {}, replicas }: RevisionInput & { replicas: number },
): Put {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      namespace,
      name: `${of}-${hash}`,
      uid: `uid-ReplicaSet-${of}-${hash}`,
      labels: { 'pod-template-hash': hash },
      annotations: { 'deployment.kubernetes.io/revision': String(number), ...pins(hash, digests) },
      ownerReferences: [owner('apps/v1', 'Deployment', of)],
    },
    spec: { replicas, template: { spec: containers(image) } },
  };
}

export function controllerRevisionObject(
  namespace: string,
  kind: 'StatefulSet' | 'DaemonSet',
  { of, hash, number, image, digests = {} }: RevisionInput,
): Put {
  const label = kind === 'StatefulSet' ? 'controller.kubernetes.io/hash' : 'controller-revision-hash';
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      namespace,
      name: `${of}-${hash}`,
      labels: { [label]: hash },
      annotations: pins(hash, digests),
      ownerReferences: [owner('apps/v1', kind, of)],
    },
    data: { spec: { template: { $patch: 'replace', spec: containers(image) } } },
    revision: number,
  };
}

export function setObject(
  namespace: string,
  kind: 'StatefulSet' | 'DaemonSet',
  name: string,
  image: string,
  status: object = {},
): Put {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { namespace, name, uid: `uid-${kind}-${name}` },
    spec: { template: { spec: containers(image) } },
    status,
  };
}

export function jobObject(
  namespace: string,
  name: string,
  image: string,
  { digests = {}, status = {} }: { digests?: Record<string, string>; status?: object } = {},
): Put {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { namespace, name, uid: `uid-Job-${name}`, annotations: pins('own', digests) },
    spec: { template: { spec: containers(image) } },
    status,
  };
}

export function cronJobObject(namespace: string, name: string, image: string): Put {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { namespace, name },
    spec: { jobTemplate: { spec: { template: { spec: containers(image) } } } },
  };
}
