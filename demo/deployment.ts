import type { KubernetesObject } from '../test/support/api-server/objects.ts';
import type { ApiServer } from '../test/support/api-server.ts';
import { type PodInput, podSchema } from '../test/support/pod.ts';
import type { Admission, Admissions } from './admission.ts';
import { podOf } from './pods.ts';

const NAMESPACE = 'shop';

/** A Deployment's ReplicaSets and pods, created as the controllers do: admitted first, then stored. */
export class Deployment {
  readonly #api: ApiServer;
  readonly #admissions: Admissions;
  readonly #image: string;

  constructor(api: ApiServer, admissions: Admissions, image: string) {
    this.#api = api;
    this.#admissions = admissions;
    this.#image = image;
  }

  /** The ReplicaSet that a rollout creates, as sent and as stored. */
  async rollOut(hash: string): Promise<Record<'sent' | 'stored', KubernetesObject>> {
    const labels = { app: 'web', 'pod-template-hash': hash };
    const { spec } = podOf(this.#image);
    const sent = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { namespace: NAMESPACE, name: `web-${hash}`, labels },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    };
    return { sent, stored: this.#api.put(await this.#admissions.admitReplicaSet(sent, NAMESPACE)) };
  }

  /** Creates `count` pods of the ReplicaSet, one after the other. */
  async createPods(replicaSet: KubernetesObject, count: number): Promise<Admission[]> {
    const pods: Admission[] = [];
    while (pods.length < count) {
      const pod = await this.#admissions.admit(this.#podOf(replicaSet, pods.length), {
        namespace: NAMESPACE,
      });
      if (pod.allowed) this.#api.put(pod.pod);
      pods.push(pod);
    }
    return pods;
  }

  deletePods(pods: readonly Admission[]): void {
    for (const { pod } of pods) this.#api.remove('Pod', NAMESPACE, pod.metadata.name ?? '');
  }

  #podOf({ metadata: { name = '', uid = '', labels } }: KubernetesObject, index: number): PodInput {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid, controller: true };
    return podSchema.parse({
      ...podOf(this.#image),
      metadata: { namespace: NAMESPACE, name: `${name}-${index}`, labels, ownerReferences: [owner] },
    });
  }
}
