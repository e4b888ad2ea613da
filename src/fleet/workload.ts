import { type Resource, resources } from '../kubernetes/resources.ts';
import type { KindWithPods } from '../pin/pod-template.ts';
import type { PodMetadata } from '../revision/membership.ts';

/** What somebody would change to change its pods. */
export interface Workload {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
  /** Empty where it doesn't matter. */
  uid: string;
}

export type Owner = NonNullable<PodMetadata['ownerReferences']>[number];

/** Whose an object is; undefined for one that nobody controls. */
export function controllerOf({ ownerReferences }: PodMetadata): Owner | undefined {
  return ownerReferences?.find(({ controller }) => controller === true);
}

/** A pod that its node made from a file names the node as its owner. */
export const isNode = ({ kind }: Pick<Owner, 'kind'>) => kind === 'Node';

/** The kinds that have pods and may be at the top, and where the API server has them. */
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

/** The kind by which tagpin knows the workload; undefined for somebody else's, such as an Argo Rollout. */
export function workloadKind({ apiVersion, kind }: Pick<Workload, 'apiVersion' | 'kind'>) {
  const isKnown = (name: string): name is WorkloadKind => Object.hasOwn(workloadKinds, name);
  return isKnown(kind) && apiVersionOf(workloadKinds[kind]) === apiVersion ? kind : undefined;
}

export const apiVersionOf = ({ group, version }: Resource) =>
  group === '' ? version : `${group}/${version}`;

/** `deployment/web`, as kubectl takes it. */
export const printWorkload = ({ kind, name }: Pick<Workload, 'kind' | 'name'>) =>
  `${kind.toLowerCase()}/${name}`;
