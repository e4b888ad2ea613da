import { z } from 'zod';
import {
  type AdmissionReview,
  applyPatch,
  applyResponse,
  objectReview,
  podReview,
} from '../test/support/admission.ts';
import { type KubernetesObject, kubernetesObject } from '../test/support/api-server/objects.ts';
import { type Pod, type PodInput, podSchema } from '../test/support/pod.ts';
import type { LoggedRequest } from '../test/support/request-log.ts';
import { callWebhook } from '../test/support/webhook-process.ts';
import type { Cluster } from './cluster.ts';
import type { Registries } from './registries.ts';
import { targetsOf } from './webhook-configuration.ts';

const answerSchema = z.object({
  response: z.object({
    uid: z.string(),
    allowed: z.boolean(),
    status: z.object({ message: z.string() }).optional(),
    patch: z.string().optional(),
    warnings: z.array(z.string()).default([]),
  }),
});

/** The result of a pod's review, and the requests that the webhook made for it. */
export interface Admission {
  readonly allowed: boolean;
  /** The reason, if it isn't allowed. */
  readonly message: string;
  readonly warnings: readonly string[];
  readonly patched: boolean;
  /** The pod with the patch applied, or as sent if there is none. */
  readonly pod: Pod;
  readonly asked: Asked;
}

export interface Asked {
  readonly registries: readonly LoggedRequest[];
  readonly serviceAccounts: readonly LoggedRequest[];
  readonly secrets: readonly LoggedRequest[];
  /** All requests to the API server in the namespace, including those above. */
  readonly cluster: readonly LoggedRequest[];
}

export interface AdmissionOptions {
  readonly namespace: string;
  /** The existing pod, for an UPDATE. */
  readonly oldPod?: PodInput;
}

/** Admits objects as the API server does: calls the webhook that the namespace has opted in to, and applies its patch. */
export class Admissions {
  readonly #cluster: Cluster;
  readonly #registries: Registries;
  readonly #signal: AbortSignal;

  constructor(cluster: Cluster, registries: Registries, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#registries = registries;
    this.#signal = signal;
  }

  async admit(pod: PodInput, { namespace, oldPod }: AdmissionOptions): Promise<Admission> {
    const review = podReview(pod, { namespace, ...(oldPod && { oldPod }) });
    const { answer, asked } = await this.#send(namespace, 'pods', review);
    const { response } = answerSchema.parse(answer);
    return {
      allowed: response.allowed,
      message: response.status?.message ?? '',
      warnings: response.warnings,
      patched: response.patch !== undefined,
      pod: response.allowed ? applyPatch(pod, answer) : podSchema.parse(pod),
      asked,
    };
  }

  /** Returns the ReplicaSet as the API server would store it. */
  async admitReplicaSet(replicaSet: KubernetesObject, namespace: string): Promise<KubernetesObject> {
    const { answer } = await this.#send(namespace, 'replicasets', objectReview(replicaSet, { namespace }));
    return kubernetesObject.parse(applyResponse(replicaSet, answer));
  }

  async #send(
    namespace: string,
    resource: string,
    review: AdmissionReview,
  ): Promise<{ answer: unknown; asked: Asked }> {
    const [target, ...others] = targetsOf(this.#cluster.api, namespace, resource);
    if (target === undefined || others.length > 0) {
      throw new Error(`namespace ${namespace} doesn't match exactly one webhook`);
    }
    const before = this.#requests(namespace);
    const { status, body } = await callWebhook(this.#cluster.webhook, {
      ...target,
      review,
      signal: this.#signal,
    });
    if (status !== 200) throw new Error(`the webhook answered ${status}: ${body}`);
    const answer: unknown = JSON.parse(body);
    const { response } = answerSchema.parse(answer);
    if (response.uid !== review.request.uid) throw new Error('the webhook answered another review');
    const after = this.#requests(namespace);
    const asked = {
      registries: added(before.registries, after.registries),
      serviceAccounts: added(before.serviceAccounts, after.serviceAccounts),
      secrets: added(before.secrets, after.secrets),
      cluster: added(before.cluster, after.cluster),
    };
    return { answer, asked };
  }

  /** All requests so far in the namespace, which leaves out the webhook's own Secret. */
  #requests(namespace: string): Asked {
    const { open, closed } = this.#registries;
    const { requests } = this.#cluster.api;
    const here = ({ path }: LoggedRequest) => path.includes(`/namespaces/${namespace}/`);
    return {
      registries: [...open.requests.entries, ...closed.requests.entries],
      serviceAccounts: requests.of('serviceaccounts').filter(here),
      secrets: requests.of('secrets').filter(here),
      cluster: requests.entries.filter(here),
    };
  }
}

const added = (before: readonly LoggedRequest[], after: readonly LoggedRequest[]) =>
  after.filter((request) => !before.includes(request));
