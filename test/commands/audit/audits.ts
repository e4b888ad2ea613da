import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { audit } from '../../../src/commands/audit/audit.ts';
import type { AuditOptions } from '../../../src/commands/audit/options.ts';
import { type CommandCluster, startCommandCluster } from '../../support/command-cluster.ts';
import { runCommand } from '../../support/run-command.ts';

const finding = z.object({ kind: z.string(), message: z.string() });

/** What the command prints with `-o json`. */
export const auditSchema = z.object({
  complete: z.boolean(),
  cluster: z.object({ name: z.string().optional(), server: z.string() }),
  summary: z.object({
    namespaces: z.number(),
    pods: z.number(),
    templates: z.number(),
    distinct: z.number(),
    images: z.number(),
    pinned: z.number(),
    findings: z.record(z.string(), z.number()),
  }),
  namespaces: z.array(
    z.object({
      name: z.string(),
      mode: z.string().optional(),
      label: z.string().optional(),
      pods: z.number(),
      templates: z.number(),
      distinct: z.number(),
      images: z.number(),
      pinned: z.number(),
      counts: z.record(z.string(), z.number()),
      findings: z.array(finding),
      notes: z.array(z.string()),
    }),
  ),
  images: z.array(
    z.object({
      namespace: z.string(),
      workload: z.object({ apiVersion: z.string(), kind: z.string(), name: z.string() }),
      managedBy: z.string().optional(),
      revision: z.string().optional(),
      container: z.string(),
      image: z.string(),
      written: z.string().optional(),
      pullPolicy: z.string().optional(),
      pods: z.array(z.string()),
      runs: z.object({ digest: z.string(), from: z.string() }).optional(),
      tag: z.string().optional(),
      tagged: z.string().optional(),
      unknown: z.string().optional(),
      drift: z
        .object({
          tag: z.string(),
          since: z.string().optional(),
          from: z.string().optional(),
        })
        .optional(),
      use: z.string().optional(),
      findings: z.array(finding),
      notes: z.array(z.string()),
    }),
  ),
  problems: z.array(z.object({ message: z.string(), images: z.number().optional() })),
});
export type AuditData = z.infer<typeof auditSchema>;

export interface Audited {
  code: number;
  data: AuditData;
}

/** A cluster, as the API server stores one, and the command run at it in this process. */
export interface AuditCluster extends CommandCluster {
  /** For its JSON. */
  audit(options?: Partial<AuditOptions>): Promise<Audited>;
  /** For what it prints, whatever it is. */
  print(options?: Partial<AuditOptions>): Promise<{ code: number; out: string; said: string }>;
}

const webhookManifest = join(import.meta.dirname, '../../../manifests/base/webhook.yaml');
const webhookSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  webhooks: z.array(
    z.looseObject({
      name: z.string(),
      matchConditions: z.array(z.looseObject({ name: z.string() })).default([]),
    }),
  ),
});

/** tagpin's webhook configuration, as it is installed. */
export const webhookConfiguration = () =>
  webhookSchema.parse(parse(readFileSync(webhookManifest, 'utf8'), { merge: true }));

/** What is installed of tagpin, as far as `audit` looks at it. */
export const installation = () => [
  webhookConfiguration(),
  { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'tagpin-system', name: 'tagpin' } },
];

/** A cluster in which tagpin is installed. */
export async function startAuditCluster(): Promise<AuditCluster> {
  const cluster = await startCommandCluster(...installation());
  const { kubeconfig } = cluster;
  const print: AuditCluster['print'] = async (options = {}) => {
    const { code, out, err } = await runCommand('tagpin audit', kubeconfig, (context) =>
      audit({ timeout: 20_000, registry: true, concurrency: 8, ...options }, context),
    );
    return { code, out, said: err };
  };
  return {
    ...cluster,
    print,
    async audit(options) {
      const { code, out } = await print({ output: 'json', ...options });
      return { code, data: auditSchema.parse(JSON.parse(out)) };
    },
  };
}

export const namespaceObject = (name: string, label?: string) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, ...(label !== undefined && { labels: { 'tagpin.dev/pin': label } }) },
});

/** A node of linux on such a processor. */
export const node = (name: string, architecture = 'amd64') => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': architecture } },
});

interface OwnerInput {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}
const ownedBy = (owner: OwnerInput) => ({ ownerReferences: [{ ...owner, controller: true }] });
const reference = (apiVersion: string, kind: string, name: string) => ({
  apiVersion,
  kind,
  name,
  uid: `uid-${kind}-${name}`,
});

export interface WorkloadInput {
  namespace: string;
  name?: string;
  image: string;
  pullPolicy?: string;
  /** Of the pods' template. */
  spec?: object;
  owner?: OwnerInput;
}

const templateOf = ({ image, pullPolicy, spec }: WorkloadInput) => ({
  metadata: { creationTimestamp: null, labels: { app: 'web' } },
  spec: {
    containers: [{ name: 'web', image, ...(pullPolicy !== undefined && { imagePullPolicy: pullPolicy }) }],
    ...spec,
  },
});

/** A workload of a kind whose template is where Deployments have theirs. */
export function workload(apiVersion: string, kind: string, input: WorkloadInput) {
  const { namespace, name = 'web', owner } = input;
  return {
    apiVersion,
    kind,
    metadata: {
      namespace,
      name,
      uid: `uid-${kind}-${name}`,
      generation: 3,
      managedFields: [{ manager: 'kubectl' }],
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
        'deployment.kubernetes.io/revision': '4',
        'example.com/team': 'a',
      },
      ...(owner && ownedBy(owner)),
    },
    spec: { replicas: 2, template: templateOf(input) },
    status: { replicas: 2 },
  };
}

/** A Deployment with its one ReplicaSet, whose pods come from {@link podOf}. */
export function deployment(input: WorkloadInput) {
  const { name = 'web' } = input;
  return [
    workload('apps/v1', 'Deployment', input),
    workload('apps/v1', 'ReplicaSet', {
      ...input,
      name: `${name}-abc`,
      owner: reference('apps/v1', 'Deployment', name),
    }),
  ];
}

export interface PodInput {
  namespace: string;
  name?: string;
  image: string;
  imageId?: string;
  /** What it was pinned from. */
  from?: string;
  pullPolicy?: string;
  node?: string;
  phase?: string;
  seconds?: number;
  /** Added to the spec, or in place of its containers. */
  spec?: object;
  /** Nobody's if it isn't said. */
  owner?: OwnerInput;
}

let pods = 0;

/** A pod, of nobody's. */
export function pod(input: PodInput) {
  const { namespace, name = `pod-${++pods}`, image, imageId, from, pullPolicy, seconds = 0, owner } = input;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      creationTimestamp: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
      ...(owner && { labels: { 'pod-template-hash': 'abc' }, ...ownedBy(owner) }),
      ...(from !== undefined && { annotations: { 'tagpin.dev/images': JSON.stringify({ web: from }) } }),
    },
    spec: {
      containers: [{ name: 'web', image, ...(pullPolicy !== undefined && { imagePullPolicy: pullPolicy }) }],
      ...(input.node !== undefined && { nodeName: input.node }),
      ...input.spec,
    },
    status: {
      phase: input.phase ?? 'Running',
      containerStatuses: [{ name: 'web', ...(imageId !== undefined && { imageID: imageId }) }],
    },
  };
}

/** A pod of the ReplicaSet of {@link deployment}. */
export const podOf = (input: PodInput & { deployment?: string }) =>
  pod({ ...input, owner: reference('apps/v1', 'ReplicaSet', `${input.deployment ?? 'web'}-abc`) });

export { reference as ownerReference };
