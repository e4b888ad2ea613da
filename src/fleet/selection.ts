import { z } from 'zod';
import { objectMetadata } from '../kubernetes/api.ts';
import { type Labels, meets, selector } from '../kubernetes/selector.ts';
import { type Mode, modes } from '../pin/opt-in.ts';
import { truthOf } from './match-condition.ts';

const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
const service = z.object({ namespace: z.string(), name: z.string(), path: z.string().nullish() });
export type ServiceName = Pick<z.infer<typeof service>, 'namespace' | 'name'>;

/** What decides whether the API server calls a webhook for a pod. */
export const calledWebhooksSchema = z.object({
  metadata: objectMetadata,
  webhooks: z
    .array(
      z.object({
        name: z.string(),
        clientConfig: z
          .object({ service: service.nullish(), url: z.string().nullish() })
          .nullish()
          .transform((config) => config ?? {}),
        failurePolicy: z.string().nullish(),
        namespaceSelector: selector.nullish(),
        objectSelector: selector.nullish(),
        rules: z
          .array(
            z.object({
              apiGroups: texts,
              apiVersions: texts,
              operations: texts,
              resources: texts,
              scope: z.string().nullish(),
            }),
          )
          .nullish(),
        matchConditions: z.array(z.object({ name: z.string(), expression: z.string() })).nullish(),
      }),
    )
    .nullish(),
});
type Webhook = NonNullable<z.infer<typeof calledWebhooksSchema>['webhooks']>[number];

/** A webhook of tagpin's that the API server calls for new pods. */
export interface PodWebhook extends Webhook {
  mode: Mode;
  /** Of its MutatingWebhookConfiguration. */
  configuration: string;
}

/**
 * tagpin's webhooks for pods with tags in a MutatingWebhookConfiguration, whatever that is called. The path decides on the
 * mode, as it does where the call arrives; without one, the webhook's name does.
 */
export function podWebhooks({ metadata, webhooks }: z.infer<typeof calledWebhooksSchema>): PodWebhook[] {
  return (webhooks ?? []).filter(isForTags).flatMap((webhook) => {
    const path = webhook.clientConfig.service?.path ?? pathOf(webhook.clientConfig.url);
    const mode = modes.find((mode) =>
      path === undefined ? webhook.name === nameFor(mode) : path.endsWith(`/pin/${mode}`),
    );
    return mode === undefined ? [] : [{ ...webhook, mode, configuration: metadata.name }];
  });
}

const nameFor = (mode: Mode) => `${mode}.tagpin.dev`;

/** Those of tagpin's with other names, such as `enforce.digest.tagpin.dev`, are called for no pod with a tag. */
const isForTags = ({ name }: Webhook) =>
  modes.some((mode) => name === nameFor(mode)) || !name.endsWith('.tagpin.dev');

const pathOf = (url: string | null | undefined) => (url ? url.replace(/^[a-z]+:\/\/[^/]*/, '') : undefined);

/** Whether the API server calls a webhook for new pods of a namespace, and what isn't known about that. */
export interface Call {
  webhook: PodWebhook;
  /** What leaves the pods out: the field of the webhook, in words; undefined if it is called. */
  leftOutBy: string | undefined;
  /** Match conditions that may leave pods out. */
  unknown: readonly string[];
}

/** tagpin's own: they leave out only pods that it has nothing to do with. */
const OWN_CONDITIONS = ['not-being-deleted', 'images-changed', 'not-all-by-digest'];

/**
 * Judges as the API server does, for the creation of a pod (apiserver pkg/admission/plugin/webhook/generic/webhook.go,
 * `ShouldCallHook`), but for the objectSelector.
 *
 * @param labels the namespace's
 */
function callOf(webhook: PodWebhook, namespace: string, labels: Labels): Call {
  // The API server sets this label itself (kubernetes pkg/apis/core/v1/defaults.go, `SetDefaults_Namespace`).
  const all = { ...labels, 'kubernetes.io/metadata.name': namespace };
  const judged = (webhook.matchConditions ?? []).map(({ name, expression }) => ({
    name,
    truth: truthOf(expression, requestOf(namespace)),
  }));
  const failed = judged.find(({ truth }) => truth === false);
  const leftOutBy = !meets(webhook.namespaceSelector ?? {}, all)
    ? 'namespaceSelector'
    : !(webhook.rules ?? []).some(isForNewPods)
      ? 'rules'
      : failed && `matchCondition ${failed.name}`;
  const unknown = judged.filter(({ name, truth }) => truth === undefined && !OWN_CONDITIONS.includes(name));
  return { webhook, leftOutBy, unknown: unknown.map(({ name }) => name) };
}

const requestOf = (namespace: string) => ({
  'request.operation': 'CREATE',
  'request.namespace': namespace,
  'object.metadata.namespace': namespace,
  'request.kind.kind': 'Pod',
  'request.kind.group': '',
  'request.kind.version': 'v1',
  'request.resource.resource': 'pods',
  'request.resource.group': '',
  'request.resource.version': 'v1',
});

/** By the API server's rule (apiserver pkg/admission/plugin/webhook/predicates/rules/rules.go). */
function isForNewPods({
  apiGroups,
  apiVersions,
  operations,
  resources,
  scope,
}: NonNullable<Webhook['rules']>[number]) {
  const has = (list: readonly string[], ...any: string[]) => any.some((one) => list.includes(one));
  return (
    has(apiGroups, '', '*') &&
    has(apiVersions, 'v1', '*') &&
    has(operations, 'CREATE', '*') &&
    has(resources, 'pods', '*', '*/*') &&
    scope !== 'Cluster'
  );
}

/** The webhooks of a cluster that pin, and which pods they are called for. */
export class Selection {
  readonly webhooks: readonly PodWebhook[];
  readonly #absent: readonly ServiceName[];
  /** By namespace, whose labels stay. */
  readonly #calls = new Map<string, readonly Call[]>();

  /** @param absent Services that webhooks call and that don't exist */
  constructor(webhooks: readonly PodWebhook[], absent: readonly ServiceName[] = []) {
    this.webhooks = webhooks;
    this.#absent = absent;
  }

  /** The mode in which the images of a pod with these labels are pinned; undefined if they aren't. */
  modeOf(namespace: string, labels: Labels, pod: Labels): Mode | undefined {
    const called = this.callsFor(namespace, labels).filter(
      ({ leftOutBy, webhook }) => leftOutBy === undefined && meets(webhook.objectSelector ?? {}, pod),
    );
    return modes.find((mode) => called.some(({ webhook }) => webhook.mode === mode));
  }

  /** For any pod of a namespace. */
  callsFor(namespace: string, labels: Labels): readonly Call[] {
    const known =
      this.#calls.get(namespace) ?? this.webhooks.map((webhook) => this.#callOf(webhook, namespace, labels));
    this.#calls.set(namespace, known);
    return known;
  }

  #callOf(webhook: PodWebhook, namespace: string, labels: Labels): Call {
    const call = callOf(webhook, namespace, labels);
    const { service } = webhook.clientConfig;
    const isAbsent =
      service &&
      this.#absent.some((absent) => absent.namespace === service.namespace && absent.name === service.name);
    return call.leftOutBy === undefined && isAbsent
      ? { ...call, leftOutBy: `Service ${service.namespace}/${service.name}` }
      : call;
  }
}
