import { z } from 'zod';
import { type KubernetesApi, objectMetadata } from '../kubernetes/api.ts';
import { type Resource, resources } from '../kubernetes/resources.ts';
import type { Annotations } from '../pin/json-patch.ts';
import type { Pod } from '../pin/pod.ts';
import { templateOf } from '../pin/pod-template.ts';
import { type RevisionKind, revisionKinds } from '../revision/kinds.ts';
import { type Membership, membershipOf, stores } from '../revision/membership.ts';
import { pinKeys } from '../revision/pins.ts';
import { isDone, runningPodSchema } from '../revision/running-pod.ts';
import { type Cohort, Cohorts } from './running-pods.ts';

/** Kinds that own pods as one revision. A ReplicationController has nowhere to store pins. */
export type KindInUse = RevisionKind | 'ReplicationController';

const kindResources: Readonly<Record<KindInUse, Resource>> = {
  ReplicaSet: revisionKinds.ReplicaSet.resource,
  ControllerRevision: revisionKinds.ControllerRevision.resource,
  Job: revisionKinds.Job.resource,
  ReplicationController: resources.ReplicationController,
};
const kindsInUse = ['ReplicaSet', 'ControllerRevision', 'Job', 'ReplicationController'] as const;

/** A revision that has pods. */
export interface RevisionInUse {
  kind: KindInUse;
  name: string;
  cohorts: readonly Cohort[];
  /** Undefined if the revision was deleted before its pods. */
  object: RevisionObject | undefined;
}

export interface RevisionObject {
  labels: Readonly<Record<string, string>> | null | undefined;
  annotations: Annotations;
  /** Undefined if the object isn't of a form that tagpin knows. */
  template: Pod | undefined;
  /** The pins in its Deployment's annotations, which the Deployment controller would copy to it. */
  copies: Annotations;
}

const revisionSchema = z.object({
  metadata: objectMetadata,
  spec: z.unknown().optional(),
  data: z.unknown().optional(),
});
const ownerSchema = z.object({ metadata: objectMetadata });

interface ReadRevision {
  membership: Membership;
  kind: KindInUse;
  name: string;
  cohorts: Cohorts;
  object?: RevisionObject;
}

/**
 * The revisions of a namespace that have pods, sorted by kind and name. They are read in pages, and only what is needed
 * of each page is kept: what pods run, and the objects that own them.
 *
 * @throws KubernetesError
 */
export async function readRevisionsInUse(
  api: Pick<KubernetesApi, 'list'>,
  namespace: string,
  signal: AbortSignal,
): Promise<RevisionInUse[]> {
  // Pods first: a revision exists before its first pod, so the revision of each pod is found.
  const entries = await readPods(api, namespace, signal);
  const isUsed = (kind: KindInUse) => entries.some((entry) => entry.kind === kind);
  const copies = isUsed('ReplicaSet') ? await readCopies(api, namespace, signal) : none;
  for (const kind of kindsInUse.filter(isUsed)) {
    await readObjects(api, kind, namespace, entries, copies, signal);
  }
  return entries
    .map(({ kind, name, cohorts, object }) => ({ kind, name, cohorts: cohorts.all(), object }))
    .sort((a, b) => (`${a.kind} ${a.name}` < `${b.kind} ${b.name}` ? -1 : 1));
}

const none: ReadonlyMap<string, Annotations> = new Map();

async function readPods(
  api: Pick<KubernetesApi, 'list'>,
  namespace: string,
  signal: AbortSignal,
): Promise<ReadRevision[]> {
  const entries = new Map<string, ReadRevision>();
  for await (const pod of api.list(resources.Pod, namespace, runningPodSchema, signal)) {
    const membership = isDone(pod) ? undefined : membershipOf(namespace, pod.metadata);
    const object = membership && objectOf(membership);
    if (membership === undefined || object === undefined) continue;
    const key = `${membership.owner.uid} ${object.name}`;
    const entry = entries.get(key) ?? { membership, ...object, cohorts: new Cohorts() };
    entry.cohorts.add(pod);
    entries.set(key, entry);
  }
  return [...entries.values()];
}

function objectOf({ stored, owner }: Membership): { kind: KindInUse; name: string } | undefined {
  if (stored !== undefined) return stored;
  return owner.kind === 'ReplicationController'
    ? { kind: 'ReplicationController', name: owner.name }
    : undefined;
}

/** The pins in Deployments' annotations, by the Deployment's uid. */
async function readCopies(
  api: Pick<KubernetesApi, 'list'>,
  namespace: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Annotations>> {
  const copies = new Map<string, Annotations>();
  for await (const { metadata } of api.list(resources.Deployment, namespace, ownerSchema, signal)) {
    const { uid, annotations } = metadata;
    const names = pinKeys(annotations);
    if (uid === undefined || names.length === 0) continue;
    copies.set(uid, Object.fromEntries(names.map((name) => [name, annotations?.[name] ?? ''])));
  }
  return copies;
}

async function readObjects(
  api: Pick<KubernetesApi, 'list'>,
  kind: KindInUse,
  namespace: string,
  entries: readonly ReadRevision[],
  copies: ReadonlyMap<string, Annotations>,
  signal: AbortSignal,
): Promise<void> {
  const wanted = Map.groupBy(
    entries.filter((entry) => entry.kind === kind),
    ({ name }) => name,
  );
  for await (const object of api.list(kindResources[kind], namespace, revisionSchema, signal)) {
    const { metadata } = object;
    const entry = wanted.get(metadata.name)?.find(({ membership }) => stores(membership, metadata));
    if (entry === undefined) continue;
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
    entry.object = {
      labels: metadata.labels,
      annotations: metadata.annotations,
      template: templateOf(kind, object),
      copies: owner?.kind === 'Deployment' ? copies.get(owner.uid) : undefined,
    };
  }
}
