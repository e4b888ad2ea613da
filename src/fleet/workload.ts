import { type Resource, resources } from '../kubernetes/resources.ts';
import type { KindWithPods } from '../pin/pod-template.ts';
import type { PodMetadata } from '../revision/membership.ts';

/** The object that a person would change to change its pods. */
export interface Workload {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
  /** Empty if it isn't needed. */
  uid: string;
}

export type Owner = NonNullable<PodMetadata['ownerReferences']>[number];

/** The controller of an object; undefined if it has none. */
export function controllerOf({ ownerReferences }: PodMetadata): Owner | undefined {
  return ownerReferences?.find(({ controller }) => controller === true);
}

/** A static pod's owner is its node. */
export const isNode = ({ kind }: Pick<Owner, 'kind'>) => kind === 'Node';

/** The kinds of topmost workloads, and their API resources. */
export const workloadKinds = {
  Pod: resources.Pod,
  Deployment: resources.Deployment,
  StatefulSet: resources.StatefulSet,
  DaemonSet: resources.DaemonSet,
  CronJob: resources.CronJob,
  Job: resources.Job,
  ReplicaSet: resources.ReplicaSet,
  ReplicationController: resources.ReplicationController,
} as const satisfies Partial<Record<KindWithPods, Resource>>;
export type WorkloadKind = keyof typeof workloadKinds;

/** The workload's kind, if tagpin knows it; undefined for others, such as an Argo Rollout. */
export function workloadKind({ apiVersion, kind }: Pick<Workload, 'apiVersion' | 'kind'>) {
  const isKnown = (name: string): name is WorkloadKind => Object.hasOwn(workloadKinds, name);
  return isKnown(kind) && apiVersionOf(workloadKinds[kind]) === apiVersion ? kind : undefined;
}

export const apiVersionOf = ({ group, version }: Resource) =>
  group === '' ? version : `${group}/${version}`;

/** `deployment/web`, as kubectl takes it. */
export const printWorkload = ({ kind, name }: Pick<Workload, 'kind' | 'name'>) =>
  `${kind.toLowerCase()}/${name}`;

/** Whether a Job will have no more pods (kubernetes/api batch/v1/types.go, `JobConditionType`). */
export function isFinishedJob({
  status,
}: {
  status?: { conditions?: readonly { type: string; status: string }[] | null | undefined } | null | undefined;
}): boolean {
  const conditions = status?.conditions ?? [];
  return conditions.some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}
