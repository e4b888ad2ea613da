import { z } from 'zod';
import { type KubernetesApi, objectMetadata } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { type Resource, resources } from '../kubernetes/resources.ts';
import type { Pod } from '../pin/pod.ts';
import { type KindWithPods, templateOf } from '../pin/pod-template.ts';
import { hashOf, isRevisionKind } from '../revision/kinds.ts';
import { membershipOf } from '../revision/membership.ts';
import { type Pins, readPins } from '../revision/pins.ts';

/** An object that has pods or creates them, with its pod or pod template. */
export interface NamespaceWorkload {
  kind: string;
  name: string;
  uid: string | undefined;
  /** The uid of its controller. */
  owner: string | undefined;
  pod: Pod;
  /** Digests stored for its pods. */
  pins: Pins | undefined;
  /** Whether it is a revision without pods, kept for a rollback. */
  isIdle: boolean;
  /** The number of a ControllerRevision. */
  revision: number | undefined;
  /** The name of the object that stores a pod's digests. */
  storedIn: string | undefined;
}

export interface Workloads {
  workloads: NamespaceWorkload[];
  /** What couldn't be read, each in a sentence. */
  unread: string[];
}

/** Rollouts have their template where Deployments do (argo-rollouts pkg/apis/rollouts/v1alpha1/types.go). */
const kinds: readonly { kind: string; resource: Resource; like: KindWithPods }[] = [
  { kind: 'Deployment', resource: resources.Deployment, like: 'Deployment' },
  { kind: 'StatefulSet', resource: resources.StatefulSet, like: 'StatefulSet' },
  { kind: 'DaemonSet', resource: resources.DaemonSet, like: 'DaemonSet' },
  { kind: 'CronJob', resource: resources.CronJob, like: 'CronJob' },
  { kind: 'Rollout', resource: resources.Rollout, like: 'Deployment' },
  {
    kind: 'ReplicationController',
    resource: resources.ReplicationController,
    like: 'ReplicationController',
  },
  { kind: 'ReplicaSet', resource: resources.ReplicaSet, like: 'ReplicaSet' },
  { kind: 'ControllerRevision', resource: resources.ControllerRevision, like: 'ControllerRevision' },
  { kind: 'Job', resource: resources.Job, like: 'Job' },
  { kind: 'Pod', resource: resources.Pod, like: 'Pod' },
];

const MIRROR = 'kubernetes.io/config.mirror';

const objectSchema = z.object({
  metadata: objectMetadata.extend({ deletionTimestamp: z.string().nullish() }),
  spec: z.looseObject({ replicas: z.number().nullish() }).nullish(),
  /** A ControllerRevision's. */
  data: z.unknown().optional(),
  revision: z.number().nullish(),
  status: z
    .object({
      phase: z.string().nullish(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
    })
    .nullish(),
});
type ReadObject = z.infer<typeof objectSchema>;

/**
 * Everything in a namespace that has pods or creates them, without finished objects and mirror pods. A kind that can't be
 * read is reported, and the rest is read.
 */
export async function readWorkloads(
  api: Pick<KubernetesApi, 'list' | 'serves'>,
  namespace: string,
  signal: AbortSignal,
): Promise<Workloads> {
  const read = await Promise.all(
    kinds.map(async ({ kind, resource, like }) => {
      const workloads: NamespaceWorkload[] = [];
      try {
        if (resource === resources.Rollout && !(await api.serves(resource, signal))) return { workloads };
        for await (const object of api.list(resource, namespace, objectSchema, signal)) {
          const workload = workloadOf(kind, like, object);
          if (workload !== undefined) workloads.push(workload);
        }
        return { workloads };
      } catch (error) {
        if (!(error instanceof KubernetesError)) throw error;
        // Their images are in StatefulSets and DaemonSets, too; without them, only what they store isn't known.
        if (kind === 'ControllerRevision' && error.status === 403) return { workloads: [] };
        return { workloads, unread: error.message };
      }
    }),
  );
  const workloads = read.flatMap(({ workloads }) => workloads);
  return {
    workloads: workloads.map((workload) => withIdleness(workload, workloads)),
    unread: read.flatMap(({ unread }) => unread ?? []),
  };
}

function workloadOf(kind: string, like: KindWithPods, object: ReadObject): NamespaceWorkload | undefined {
  const { metadata } = object;
  const pod = templateOf(like, object);
  if (pod === undefined || hasEnded(object) || metadata.annotations?.[MIRROR] !== undefined) return undefined;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return {
    kind,
    name: metadata.name,
    uid: metadata.uid,
    owner: owner?.uid,
    pod,
    pins: isRevisionKind(kind) ? readPins(metadata.annotations, hashOf(kind, metadata.labels)) : undefined,
    isIdle: kind === 'ReplicaSet' && owner !== undefined && object.spec?.replicas === 0,
    revision: object.revision ?? undefined,
    storedIn: kind === 'Pod' ? membershipOf(metadata.namespace ?? '', metadata)?.stored?.name : undefined,
  };
}

/** A ControllerRevision is in use if it is its owner's newest, or has pods still. */
function withIdleness(workload: NamespaceWorkload, all: readonly NamespaceWorkload[]): NamespaceWorkload {
  const { kind, owner, name, revision = 0 } = workload;
  if (kind !== 'ControllerRevision') return workload;
  const isUsed = all.some((other) => other.owner === owner && other.storedIn === name);
  const isOld = all.some(
    (other) => other.kind === kind && other.owner === owner && (other.revision ?? 0) > revision,
  );
  return { ...workload, isIdle: isOld && !isUsed };
}

function hasEnded({ metadata, status }: ReadObject): boolean {
  const isDone = status?.conditions?.some(
    ({ type, status: is }) => is === 'True' && (type === 'Complete' || type === 'Failed'),
  );
  return (
    Boolean(metadata.deletionTimestamp) ||
    status?.phase === 'Succeeded' ||
    status?.phase === 'Failed' ||
    isDone === true
  );
}
