import type { Pod } from '../pin/pod.ts';
import { type PlacedPod, type Usage, usagesOfPod, usagesOfTemplate } from './usage.ts';
import { type Owner, printWorkload, type Workload } from './workload.ts';

/**
 * What runs in the cluster, as far as it has been read. Kept by what pods have in common and not by pod: however many
 * there are, they mostly run the same, and only their names are told apart.
 */
export class Fleet {
  /** The value of the label with the mode, by namespace; undefined where there is none. */
  readonly labels = new Map<string, string | undefined>();
  /** `linux/arm64`, by node. */
  readonly platforms = new Map<string, string>();
  readonly #usages = new Map<string, Entry>();
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
    return [...new Set([...this.labels.keys(), ...this.#pods.keys()])].sort();
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

interface Entry {
  usage: Usage;
  pods: string[];
}
