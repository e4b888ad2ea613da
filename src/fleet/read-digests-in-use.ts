import { z } from 'zod';
import { type KubernetesApi, type ObjectMetadata, objectMetadata } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { type Resource, resources } from '../kubernetes/resources.ts';
import { type KindWithPods, templateOf } from '../pin/pod-template.ts';
import { hashOf, type RevisionKind } from '../revision/kinds.ts';
import { readPins } from '../revision/pins.ts';
import { runningPodSchema } from '../revision/running-pod.ts';
import { type DigestInUse, DigestsInUse } from './digests-in-use.ts';
import {
  liveControllerRevisions,
  liveReplicaSets,
  type RevisionFacts,
  type WorkloadFacts,
} from './live-revisions.ts';
import { controllerOf, isFinishedJob, printWorkload } from './workload.ts';

export interface DigestReading {
  api: Pick<KubernetesApi, 'list'>;
  /** Undefined for all namespaces. */
  namespaces: readonly string[] | undefined;
  /** Whether older revisions count too, to which only a person would go back. */
  history: boolean;
  signal: AbortSignal;
}

/** Thrown when a part of the cluster can't be read: a list that lacks a digest is worse than none. */
export class UnreadableCluster extends Error {
  override readonly name = 'UnreadableCluster';
  override readonly cause: KubernetesError;

  constructor(what: string, cause: KubernetesError) {
    super(`${what} can't be read: ${cause.message}`, { cause });
    this.cause = cause;
  }
}

type Scope = string | undefined;
interface Part extends DigestReading {
  found: DigestsInUse;
  scope: Scope;
}

/**
 * Every digest that must not be deleted: of pods, and of revisions that can still create some. The cluster is read in
 * pages, of which only the digests are kept.
 *
 * @throws UnreadableCluster, or the signal's reason
 */
export async function readDigestsInUse(reading: DigestReading): Promise<DigestInUse[]> {
  const found = new DigestsInUse();
  const { namespaces } = reading;
  const scopes: readonly Scope[] = namespaces ?? [undefined];
  for (const scope of scopes) {
    const part = { ...reading, found, scope };
    for (const [what, read] of parts) {
      try {
        await read(part);
      } catch (error) {
        if (!(error instanceof KubernetesError)) throw error;
        throw new UnreadableCluster(
          `the ${what}${scope === undefined ? '' : ` of namespace ${scope}`}`,
          error,
        );
      }
    }
  }
  return found.all();
}

/**
 * Pods come first, because a revision exists before its first pod and perhaps not after its last. What owns revisions comes
 * before them: a revision without a known owner counts.
 */
const parts: readonly [string, (part: Part) => Promise<void>][] = [
  ['pods', readPods],
  ['deployments and replicasets', readReplicaSets],
  ['statefulsets, daemonsets and controllerrevisions', readControllerRevisions],
  ['cronjobs', (part) => readTemplates(part, 'CronJob', resources.CronJob)],
  ['jobs', readJobs],
  [
    'replicationcontrollers',
    (part) => readTemplates(part, 'ReplicationController', resources.ReplicationController),
  ],
];

const inNamespace = { namespace: z.string().nullish() };

async function readPods({ api, scope, signal, found }: Part): Promise<void> {
  const schema = runningPodSchema.extend({ metadata: runningPodSchema.shape.metadata.extend(inNamespace) });
  for await (const pod of api.list(resources.Pod, scope, schema, signal)) {
    signal.throwIfAborted();
    // One that is being deleted still runs, and its successor may be of the same digest.
    const isOver = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (isOver) continue;
    const owner = controllerOf(pod.metadata) ?? { kind: 'Pod', name: pod.metadata.name ?? '' };
    found.addPod(pod, pod.metadata.namespace ?? scope ?? '', printWorkload(owner));
  }
}

const workloadSchema = z.object({
  metadata: objectMetadata,
  spec: z.looseObject({
    replicas: z.number().nullish(),
    revisionHistoryLimit: z.number().nullish(),
  }),
  status: z
    .object({
      replicas: z.number().nullish(),
      currentRevision: z.string().nullish(),
      updateRevision: z.string().nullish(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
    })
    .nullish(),
});
type WorkloadObject = z.infer<typeof workloadSchema>;

type Listed = Pick<Part, 'found' | 'scope'>;

/** Adds what a template names; returns where the object is, and what it is called. */
function addTemplate(
  { found, scope }: Listed,
  kind: KindWithPods,
  object: WorkloadObject,
): { namespace: string; by: string } {
  const { name, namespace = scope ?? '' } = object.metadata;
  const by = printWorkload({ kind, name });
  found.addTemplate(templateOf(kind, object), namespace, by);
  return { namespace, by };
}

async function readTemplates(part: Part, kind: KindWithPods, resource: Resource): Promise<void> {
  for await (const object of part.api.list(resource, part.scope, workloadSchema, part.signal)) {
    addTemplate(part, kind, object);
  }
}

async function readJobs(part: Part): Promise<void> {
  const { api, scope, signal, found } = part;
  for await (const object of api.list(resources.Job, scope, workloadSchema, signal)) {
    if (isFinishedJob(object)) continue;
    const { namespace, by } = addTemplate(part, 'Job', object);
    const { annotations, labels } = object.metadata;
    found.addPins(readPins(annotations, hashOf('Job', labels)), namespace, by);
  }
}

/** The uid, and what says which of its revisions count. The workload's own template counts before it is a revision. */
async function readOwners(
  part: Part,
  kind: 'Deployment' | 'StatefulSet' | 'DaemonSet',
  owners: Map<string, WorkloadFacts>,
): Promise<void> {
  for await (const object of part.api.list(resources[kind], part.scope, workloadSchema, part.signal)) {
    addTemplate(part, kind, object);
    const { currentRevision, updateRevision } = object.status ?? {};
    owners.set(object.metadata.uid ?? '', {
      historyLimit: object.spec.revisionHistoryLimit ?? undefined,
      current: [currentRevision, updateRevision].flatMap((name) => name || []),
    });
  }
}

/** The digests of each revision by itself, because which revisions count is known only once all were read. */
interface ReadRevision extends RevisionFacts {
  owner: string;
  digests: DigestsInUse;
}

/** The revision's number, in the annotations of a Deployment's ReplicaSets. */
const NUMBER = 'deployment.kubernetes.io/revision';

async function readReplicaSets(part: Part): Promise<void> {
  const owners = new Map<string, WorkloadFacts>();
  await readOwners(part, 'Deployment', owners);
  const owned: ReadRevision[] = [];
  for await (const object of part.api.list(resources.ReplicaSet, part.scope, workloadSchema, part.signal)) {
    const { spec, status, metadata } = object;
    const hasPods = (spec.replicas ?? 1) > 0 || (status?.replicas ?? 0) > 0;
    const number = Number(metadata.annotations?.[NUMBER] ?? 0);
    addRevision(part, 'ReplicaSet', { ...object, hasPods, number }, owners, owned);
  }
  addLive(part, owned, owners, liveReplicaSets);
}

const revisionSchema = z.object({
  metadata: objectMetadata,
  data: z.unknown().optional(),
  revision: z.number().nullish(),
});

async function readControllerRevisions(part: Part): Promise<void> {
  const { api, scope, signal } = part;
  const owners = new Map<string, WorkloadFacts>();
  await readOwners(part, 'StatefulSet', owners);
  await readOwners(part, 'DaemonSet', owners);
  const owned: ReadRevision[] = [];
  for await (const object of api.list(resources.ControllerRevision, scope, revisionSchema, signal)) {
    const number = object.revision ?? 0;
    addRevision(part, 'ControllerRevision', { ...object, hasPods: false, number }, owners, owned);
  }
  addLive(part, owned, owners, liveControllerRevisions);
}

/** Adds what a revision needs: at once if it counts whatever the others are, else to those of its owner. */
function addRevision(
  { found, scope, history }: Part,
  kind: RevisionKind,
  object: Omit<RevisionFacts, 'name'> & { metadata: ObjectMetadata },
  owners: ReadonlyMap<string, WorkloadFacts>,
  owned: ReadRevision[],
): void {
  const { metadata, hasPods, number } = object;
  const { name, namespace = scope ?? '', annotations, labels } = metadata;
  const owner = controllerOf(metadata)?.uid ?? '';
  const countsAnyway = history || !owners.has(owner);
  const digests = countsAnyway ? found : new DigestsInUse();
  const by = printWorkload({ kind, name });
  digests.addTemplate(templateOf(kind, object), namespace, by);
  digests.addPins(readPins(annotations, hashOf(kind, labels)), namespace, by);
  if (!countsAnyway) owned.push({ owner, name, hasPods, number, digests });
}

function addLive(
  { found }: Part,
  owned: readonly ReadRevision[],
  owners: ReadonlyMap<string, WorkloadFacts>,
  live: (revisions: readonly ReadRevision[], of: WorkloadFacts) => readonly ReadRevision[],
): void {
  for (const [uid, revisions] of Map.groupBy(owned, ({ owner }) => owner)) {
    const facts = owners.get(uid);
    if (facts === undefined) continue;
    for (const { digests } of live(revisions, facts)) found.addAll(digests);
  }
}
