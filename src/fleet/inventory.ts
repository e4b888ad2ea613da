import { z } from 'zod';
import { type KubernetesApi, objectMetadata } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { resources } from '../kubernetes/resources.ts';
import { OPT_IN_LABEL } from '../pin/opt-in.ts';
import { templateOf } from '../pin/pod-template.ts';
import { isDone } from '../revision/running-pod.ts';
import { type Fleet, placedPodSchema } from './fleet.ts';
import {
  calledWebhooksSchema,
  type PodWebhook,
  podWebhooks,
  Selection,
  type ServiceName,
} from './selection.ts';
import { apiVersionOf, controllerOf, isFinishedJob, type WorkloadKind, workloadKinds } from './workload.ts';

export interface Reading {
  api: Pick<KubernetesApi, 'list' | 'read' | 'readMetadata'>;
  /** Undefined for all namespaces. */
  namespaces: readonly string[] | undefined;
  signal: AbortSignal;
  /** Called for what can't be read, named for people; without an error for a namespace that doesn't exist. */
  failed(what: string, error: KubernetesError | undefined): void;
  /** Called for each pod, finished ones too. */
  seen?(): void;
}

type Scope = string | undefined;

/**
 * Reads what the cluster runs into the fleet, in pages, of which only what is needed is kept. If this is stopped, the
 * fleet is correct but incomplete.
 *
 * @throws the signal's reason
 */
export async function readFleet(fleet: Fleet, reading: Reading): Promise<void> {
  const scopes: readonly Scope[] = reading.namespaces ?? [undefined];
  const closed = new Set<Scope>();
  for (const scope of scopes) {
    const isRead = await attempt('namespaces', scope, reading, () => readLabels(fleet, scope, reading));
    if (!isRead) closed.add(scope);
  }
  await readSelection(fleet, reading);
  await readPlatforms(fleet, reading);
  for (const scope of scopes) {
    const hasPods = await readScope(fleet, scope, reading);
    // A namespace of which nothing could be read isn't reported.
    if (!hasPods && scope !== undefined && closed.has(scope)) fleet.labels.delete(scope);
  }
}

/**
 * Reads pods first, then the objects between them and their workloads, so that workloads without pods are known.
 * Returns whether the pods could be read.
 */
async function readScope(fleet: Fleet, scope: Scope, reading: Reading): Promise<boolean> {
  const part = (what: string, read: () => Promise<void>) => attempt(what, scope, reading, read);
  if (!(await part('pods', () => readPods(fleet, scope, reading)))) return false;
  const unread = new Set<WorkloadKind>();
  if (!(await part('replicasets', () => readReplicaSets(fleet, scope, reading)))) unread.add('Deployment');
  for (const kind of withTemplate) {
    if (unread.has(kind)) continue;
    const read = () => readTemplates(fleet, kind, scope, reading);
    if (!(await part(workloadKinds[kind].name, read)) && kind === 'Job') unread.add('CronJob');
  }
  return true;
}

/** Whether a part could be read. A failure is reported, and doesn't stop the rest. */
async function attempt(
  what: string,
  scope: Scope,
  { signal, failed }: Reading,
  read: () => Promise<void>,
): Promise<boolean> {
  signal.throwIfAborted();
  try {
    await read();
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KubernetesError)) throw error;
    failed(scope === undefined ? `the ${what}` : `the ${what} of namespace ${scope}`, error);
    return false;
  }
}

/** Which webhooks pin. Without permission to read them, that matters only where a namespace has opted in. */
async function readSelection(fleet: Fleet, { api, signal, failed }: Reading): Promise<void> {
  const { MutatingWebhookConfiguration, Service } = resources;
  const webhooks: PodWebhook[] = [];
  try {
    const all = api.list(MutatingWebhookConfiguration, undefined, calledWebhooksSchema, signal);
    for await (const configuration of all) webhooks.push(...podWebhooks(configuration));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KubernetesError)) throw error;
    const isLabelled = [...fleet.labels.values()].some((labels) => labels[OPT_IN_LABEL] !== undefined);
    if (isLabelled) failed('the mutatingwebhookconfigurations', error);
    return;
  }
  const services = webhooks.flatMap(({ clientConfig }) => clientConfig.service ?? []);
  const distinct = new Map(
    services.map(({ namespace, name }) => [`${namespace}/${name}`, { namespace, name }]),
  );
  const absent: ServiceName[] = [];
  for (const { namespace, name } of distinct.values()) {
    // Optional: without permission, it counts as there.
    const found = await api.readMetadata(Service, namespace, name, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      if (!(error instanceof KubernetesError)) throw error;
      return true;
    });
    if (found === undefined) absent.push({ namespace, name });
  }
  fleet.selection = new Selection(webhooks, absent);
}

const metadataOnly = z.object({ metadata: objectMetadata });

async function readLabels(fleet: Fleet, scope: Scope, { api, signal, failed }: Reading): Promise<void> {
  if (scope === undefined) {
    const options = { metadataOnly: true };
    for await (const { metadata } of api.list(resources.Namespace, scope, metadataOnly, signal, options)) {
      fleet.labels.set(metadata.name, metadata.labels ?? {});
    }
    return;
  }
  // A person without permission for the namespace may have it for its pods.
  fleet.labels.set(scope, {});
  const metadata = await api.readMetadata(resources.Namespace, undefined, scope, signal);
  if (metadata === undefined) fleet.labels.delete(scope);
  if (metadata === undefined) failed(`namespace "${scope}"`, undefined);
  else fleet.labels.set(scope, metadata.labels ?? {});
}

/** Labels that each kubelet sets on its node (kubernetes pkg/kubelet/kubelet_node_status.go). */
const [OS, ARCHITECTURE] = ['kubernetes.io/os', 'kubernetes.io/arch'] as const;

/** Optional: without permission to list nodes, all platforms of an index count. */
async function readPlatforms(fleet: Fleet, { api, signal }: Reading): Promise<void> {
  try {
    const options = { metadataOnly: true };
    for await (const { metadata } of api.list(resources.Node, undefined, metadataOnly, signal, options)) {
      const { [OS]: os, [ARCHITECTURE]: architecture } = metadata.labels ?? {};
      if (os && architecture) fleet.platforms.set(metadata.name, `${os}/${architecture}`);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KubernetesError)) throw error;
  }
}

async function readPods(fleet: Fleet, scope: Scope, { api, signal, seen }: Reading): Promise<void> {
  const schema = placedPodSchema.extend({ metadata: placedPodSchema.shape.metadata.extend(inNamespace) });
  for await (const pod of api.list(resources.Pod, scope, schema, signal)) {
    signal.throwIfAborted();
    seen?.();
    if (!isDone(pod)) fleet.addPod(pod, pod.metadata.namespace ?? scope ?? '');
  }
}

const inNamespace = { namespace: z.string().nullish() };

/** Most ReplicaSets are a Deployment's earlier revisions, without pods. So metadata is listed, and few are read whole. */
async function readReplicaSets(fleet: Fleet, scope: Scope, { api, signal }: Reading): Promise<void> {
  const { ReplicaSet } = resources;
  const idle: { namespace: string; name: string }[] = [];
  const options = { metadataOnly: true };
  for await (const { metadata } of api.list(ReplicaSet, scope, metadataOnly, signal, options)) {
    const { name, namespace = scope ?? '', uid = '' } = metadata;
    const owner = controllerOf(metadata);
    if (owner !== undefined) fleet.addOwner(uid, owner);
    else if (!fleet.hasPods(uid)) idle.push({ namespace, name });
  }
  for (const { namespace, name } of idle) {
    const object = await api.read(ReplicaSet, namespace, name, workloadSchema, signal);
    if (object !== undefined) addTemplate(fleet, 'ReplicaSet', object, namespace);
  }
}

/** Jobs come first, because CronJobs own them. */
const withTemplate = [
  'Job',
  'CronJob',
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicationController',
] as const satisfies WorkloadKind[];

const workloadSchema = z.object({
  metadata: objectMetadata,
  spec: z.unknown(),
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish() })
    .nullish(),
});
type WorkloadObject = z.infer<typeof workloadSchema>;

async function readTemplates(
  fleet: Fleet,
  kind: (typeof withTemplate)[number],
  scope: Scope,
  { api, signal }: Reading,
): Promise<void> {
  for await (const object of api.list(workloadKinds[kind], scope, workloadSchema, signal)) {
    const { namespace = scope ?? '', uid = '' } = object.metadata;
    const owner = controllerOf(object.metadata);
    if (owner !== undefined && kind === 'Job') fleet.addOwner(uid, owner);
    else if (owner !== undefined) fleet.addManager(uid, owner);
    const isCounted =
      fleet.hasPods(uid) || (kind === 'Job' && (owner !== undefined || isFinishedJob(object)));
    if (!isCounted) addTemplate(fleet, kind, object, namespace);
  }
}

function addTemplate(fleet: Fleet, kind: WorkloadKind, object: WorkloadObject, namespace: string): void {
  const template = templateOf(kind, object);
  const { name, uid = '' } = object.metadata;
  const apiVersion = apiVersionOf(workloadKinds[kind]);
  if (template !== undefined) fleet.addTemplate(template, { apiVersion, kind, namespace, name, uid });
}
