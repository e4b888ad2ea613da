import { z } from 'zod';
import { readImageId } from '../adoption/evidence.ts';
import { runningImages, runningPodSchema } from '../adoption/running-pods.ts';
import type { PullSpec } from '../credentials/pod-credentials.ts';
import type { Digest } from '../image/digest.ts';
import { repository } from '../image/reference.ts';
import type { OptIn } from '../pin/opt-in.ts';
import { type Pod, type PodSpec, podSpecSchema } from '../pin/pod.ts';
import { type ImageField, walk } from '../pin/walk.ts';
import { keyOf, membershipOf } from '../revision/membership.ts';
import { controllerOf, isNode, type Owner, printWorkload, type Workload } from './workload.ts';

/** A pod with what its node says that it runs, and which node that is. */
export const placedPodSchema = runningPodSchema.extend({
  spec: podSpecSchema.extend({ nodeName: z.string().nullish() }),
});
export type PlacedPod = z.infer<typeof placedPodSchema>;

/** What a node says that it has pulled. */
export interface Pulled {
  digest: Digest;
  /** `docker.io/library/nginx`; container runtimes may name another than the image's. */
  repository: string;
}

/** One image in one place of pods that have all of this in common. */
export interface Usage extends Pick<ImageField, 'place' | 'name' | 'image' | 'pullPolicy'> {
  /** What controls the pods, or the pod itself where nothing does. */
  workload: Workload;
  /** Whose controller made the workload itself, and would put it back; undefined for most. */
  managedBy: string | undefined;
  /** What the pods share with others of one rollout: see {@link keyOf}; undefined if they are of none. */
  revision: string | undefined;
  /** `replicaset/web-5d4f9c` */
  revisionName: string | undefined;
  /** What its annotation says was written there before it was pinned. */
  written: string | undefined;
  pulled: Pulled | undefined;
  /** `linux/arm64`; undefined where the node isn't known. */
  platform: string | undefined;
  pull: PullSpec;
  /** Their names; none for the template of a workload that has no pods now. */
  pods: readonly string[];
  /** When the last of them was created. */
  newest: string;
}

/** How many images a usage counts as: one for each pod, and a template without any as a pod. */
export const countOf = ({ pods }: Pick<Usage, 'pods'>) => Math.max(pods.length, 1);

/** The images of a pod, each as a usage of its own. */
export function usagesOfPod(pod: PlacedPod, namespace: string, platform: string | undefined): Usage[] {
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
  };
  return walk(spec).map((field, index) => {
    const { written, imageId } = running[index] ?? {};
    return { ...shared, ...fieldOf(field), written, pulled: pulledOf(imageId) };
  });
}

/** The images of the template of a workload that has no pods. */
export function usagesOfTemplate(template: Pod, workload: Workload, managedBy: string | undefined): Usage[] {
  return walk(template.spec).map((field) => ({
    workload,
    managedBy,
    revision: undefined,
    revisionName: undefined,
    ...fieldOf(field),
    written: undefined,
    pulled: undefined,
    platform: undefined,
    pull: pullSpecOf(template.spec),
    pods: [],
    newest: '',
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
  const id = imageId === undefined ? undefined : readImageId(imageId);
  return id && { digest: id.digest, repository: repository(id) };
}

/**
 * What runs in the cluster, as far as it has been read. Kept by what pods have in common and not by pod: however many
 * there are, they mostly run the same, and only their names are told apart.
 */
export class Fleet {
  /** What the namespaces' labels say; of a namespace whose label can't be read, nothing. */
  readonly optIns = new Map<string, OptIn>();
  /** `linux/arm64`, by node. */
  readonly platforms = new Map<string, string>();
  readonly #usages = new Map<string, CountedUsage>();
  /** By the uid of what they own. */
  readonly #owners = new Map<string, Owner>();
  readonly #managers = new Map<string, string>();
  readonly #busy = new Set<string>();
  readonly #pods = new Map<string, number>();

  addPod(pod: PlacedPod, namespace: string): void {
    const platform = this.platforms.get(pod.spec.nodeName ?? '');
    this.#pods.set(namespace, (this.#pods.get(namespace) ?? 0) + 1);
    for (const usage of usagesOfPod(pod, namespace, platform)) this.#add(usage);
  }

  /** The template of a workload that has no pods. */
  addTemplate(template: Pod, workload: Workload): void {
    for (const usage of usagesOfTemplate(template, workload, undefined)) this.#add(usage);
  }

  /** What stands between pods and their workload is owned by it. */
  addOwner(uid: string, owner: Owner): void {
    this.#owners.set(uid, owner);
    if (this.#busy.has(uid)) this.#busy.add(owner.uid);
  }

  /** The workload was itself made by a controller, which would put it back. */
  addManager(uid: string, owner: Owner): void {
    this.#managers.set(uid, printWorkload(owner));
  }

  /** Whether it has pods, once those and their owners have been read. */
  hasPods(uid: string): boolean {
    return this.#busy.has(uid);
  }

  /** The number of pods. */
  podsIn(namespace: string): number {
    return this.#pods.get(namespace) ?? 0;
  }

  get namespaces(): string[] {
    return [...new Set([...this.optIns.keys(), ...this.#pods.keys()])].sort();
  }

  /** Each with the workload at the top: the Deployment of a ReplicaSet's pods, the CronJob of a Job's. */
  usages(): Usage[] {
    return [...this.#usages.values()].map(({ pods, usage }) => {
      const { namespace, uid } = usage.workload;
      const owner = this.#owners.get(uid);
      const workload = owner === undefined ? usage.workload : { ...owner, namespace };
      const managedBy = usage.managedBy ?? this.#managers.get(workload.uid);
      return { ...usage, workload, managedBy, pods };
    });
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
