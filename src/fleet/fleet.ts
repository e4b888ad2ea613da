import { z } from 'zod';
import type { PullSpec } from '../credentials/pod-credentials.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { excerpt } from '../image/excerpt.ts';
import { repository } from '../image/reference.ts';
import type { Labels } from '../kubernetes/selector.ts';
import type { Mode } from '../pin/opt-in.ts';
import { type Pod, type PodSpec, podSpecSchema } from '../pin/pod.ts';
import { type ImageField, walk } from '../pin/walk.ts';
import { keyOf, membershipOf } from '../revision/membership.ts';
import { readImageId, runningImages, runningPodSchema } from '../revision/running-pod.ts';
import type { Selection } from './selection.ts';
import { controllerOf, isNode, type Owner, printWorkload, type Workload } from './workload.ts';

/** A pod with its status and the name of its node. */
export const placedPodSchema = runningPodSchema.extend({
  spec: podSpecSchema.extend({ nodeName: z.string().nullish() }),
});
export type PlacedPod = z.infer<typeof placedPodSchema>;

/** What a node reports that it runs. */
export type Pulled =
  /** The repository is `docker.io/library/nginx`; container runtimes may report another one than the image's. */
  | { digest: Digest; repository: string; unknown?: never }
  /** Why that tells no digest, and the runtime's own id of the image, if it reports that. */
  | { digest?: never; unknown: string; id: Digest | undefined };

/** One image in one place of pods that share all of these fields. */
export interface Usage extends Pick<ImageField, 'place' | 'name' | 'image' | 'pullPolicy'> {
  /** What controls the pods, or the pod itself if nothing does. */
  workload: Workload;
  /** The owner whose controller created the workload, and would restore it; undefined for most. */
  managedBy: string | undefined;
  /** The key of the pods' revision, see {@link keyOf}; undefined if they have none. */
  revision: string | undefined;
  /** `replicaset/web-5d4f9c` */
  revisionName: string | undefined;
  /** The image before it was pinned, by the pod's annotation. */
  written: string | undefined;
  /** Undefined if nothing has been pulled yet. */
  pulled: Pulled | undefined;
  /** `linux/arm64`; undefined if the node isn't known. */
  platform: string | undefined;
  pull: PullSpec;
  /** The pods' names; none for the template of a workload without pods. */
  pods: readonly string[];
  /** When the newest pod was created. */
  newest: string;
  /** The mode in which a new pod of these is pinned; undefined if it isn't, or if that isn't known. */
  mode: Mode | undefined;
}

/** How many images a usage counts as: one for each pod, and one for a template without pods. */
export const countOf = ({ pods }: Pick<Usage, 'pods'>) => Math.max(pods.length, 1);

/** The images of a pod, each as a usage. */
export function usagesOfPod(
  pod: PlacedPod,
  namespace: string,
  { platform, mode }: Pick<Usage, 'platform' | 'mode'>,
): Usage[] {
  const { metadata, spec } = pod;
  const running = runningImages(pod);
  const membership = membershipOf(namespace, metadata);
  const owner = controllerOf(metadata);
  const name = metadata.name ?? '';
  const shared = {
    workload:
      owner === undefined || isNode(owner)
        ? { apiVersion: 'v1', kind: 'Pod', namespace, name, uid: '' }
        : { ...pick(owner), namespace },
    managedBy: owner !== undefined && isNode(owner) ? printWorkload(owner) : undefined,
    revision: membership && keyOf(membership),
    revisionName: membership && printWorkload(membership.stored ?? membership.owner),
    platform,
    pull: pullSpecOf(spec),
    pods: [name],
    newest: metadata.creationTimestamp ?? '',
    mode,
  };
  return walk(spec).map((field, index) => {
    const { written, imageId } = running[index] ?? {};
    const pulled = field.place === 'image volume' && isRunning(pod) ? VOLUME : pulledOf(imageId);
    return { ...shared, ...fieldOf(field), written, pulled };
  });
}

/** The images of the template of a workload without pods. */
export function usagesOfTemplate(template: Pod, workload: Workload, mode: Mode | undefined): Usage[] {
  return walk(template.spec).map((field) => ({
    workload,
    managedBy: undefined,
    revision: undefined,
    revisionName: undefined,
    ...fieldOf(field),
    written: undefined,
    pulled: undefined,
    platform: undefined,
    pull: pullSpecOf(template.spec),
    pods: [],
    newest: '',
    mode,
  }));
}

const pick = ({ apiVersion, kind, name, uid }: Omit<Workload, 'namespace'>) => ({
  apiVersion,
  kind,
  name,
  uid,
});

const fieldOf = ({ place, name, image, pullPolicy }: ImageField) => ({ place, name, image, pullPolicy });

function pullSpecOf({ imagePullSecrets, serviceAccountName, serviceAccount }: PodSpec): PullSpec {
  return { imagePullSecrets, serviceAccountName, serviceAccount };
}

function pulledOf(imageId: string | undefined): Pulled | undefined {
  if (imageId === undefined) return undefined;
  const pulled = readImageId(imageId);
  if (pulled !== undefined) return { digest: pulled.digest, repository: repository(pulled) };
  const id = imageId.replace(/^docker:\/\//, '').replace(/^(?=[0-9a-f]{64}$)/, 'sha256:');
  return {
    unknown: `imageID isn't a digest from a registry: ${excerpt(imageId)}`,
    id: isDigest(id) ? id : undefined,
  };
}

const VOLUME: Pulled = { unknown: "nodes don't report the digest of an image volume", id: undefined };
const isRunning = ({ status }: PlacedPod) => status?.phase === 'Running';

/**
 * What the cluster runs, as far as it was read. Pods are grouped by everything but their names, because most pods run
 * the same as others, so that memory doesn't grow with their number.
 */
export class Fleet {
  /** By namespace. A namespace whose labels can't be read has none. */
  readonly labels = new Map<string, Labels>();
  /** Known before the first pod; undefined if the webhook configurations can't be read. */
  selection: Selection | undefined;
  /** `linux/arm64`, by node. */
  readonly platforms = new Map<string, string>();
  readonly #usages = new Map<string, CountedUsage>();
  /** By the uid of the owned object. */
  readonly #owners = new Map<string, Owner>();
  readonly #managers = new Map<string, string>();
  readonly #busy = new Set<string>();
  readonly #pods = new Map<string, number>();

  addPod(pod: PlacedPod, namespace: string): void {
    const platform = this.platforms.get(pod.spec.nodeName ?? '');
    this.#pods.set(namespace, (this.#pods.get(namespace) ?? 0) + 1);
    const mode = this.#modeOf(namespace, pod);
    for (const usage of usagesOfPod(pod, namespace, { platform, mode })) this.#add(usage);
  }

  /** The template of a workload that has no pods. */
  addTemplate(template: Pod, workload: Workload): void {
    const mode = this.#modeOf(workload.namespace, template);
    for (const usage of usagesOfTemplate(template, workload, mode)) this.#add(usage);
  }

  /** Adds the workload that owns an object between it and its pods, such as a ReplicaSet. */
  addOwner(uid: string, owner: Owner): void {
    this.#owners.set(uid, owner);
    if (this.#busy.has(uid)) this.#busy.add(owner.uid);
  }

  /** Adds the owner of a workload that a controller created, and would restore. */
  addManager(uid: string, owner: Owner): void {
    this.#managers.set(uid, printWorkload(owner));
  }

  /** Whether an object has pods, once those and their owners were read. */
  hasPods(uid: string): boolean {
    return this.#busy.has(uid);
  }

  /** The number of pods. */
  podsIn(namespace: string): number {
    return this.#pods.get(namespace) ?? 0;
  }

  get namespaces(): string[] {
    return [...new Set([...this.labels.keys(), ...this.#pods.keys()])].sort();
  }

  /** All usages, each with its topmost workload: the Deployment of a ReplicaSet's pods, the CronJob of a Job's. */
  usages(): Usage[] {
    return [...this.#usages.values()].map(({ pods, usage }) => {
      const { namespace, uid } = usage.workload;
      const owner = this.#owners.get(uid);
      const workload = owner === undefined ? usage.workload : { ...owner, namespace };
      const managedBy = usage.managedBy ?? this.#managers.get(workload.uid);
      return { ...usage, workload, managedBy, pods };
    });
  }

  #modeOf(namespace: string, { metadata }: Pod): Mode | undefined {
    const labels = this.labels.get(namespace);
    return labels && this.selection?.modeOf(namespace, labels, metadata.labels ?? {});
  }

  #add(usage: Usage): void {
    const { pods, newest, ...common } = usage;
    if (pods.length > 0) this.#busy.add(usage.workload.uid);
    const key = JSON.stringify(common);
    const known = this.#usages.get(key);
    if (known === undefined) {
      this.#usages.set(key, { usage, pods: [...pods] });
      return;
    }
    known.pods.push(...pods);
    if (newest > known.usage.newest) known.usage = { ...known.usage, newest };
  }
}

interface CountedUsage {
  usage: Usage;
  pods: string[];
}
