import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import { type Review, startForeignWebhook } from './foreign-webhook.ts';
import type { Namespace } from './namespace.ts';

/** The label of pods that identifies a call. */
export const CALL = 'e2e.tagpin.dev/call';
const LABEL = 'e2e.tagpin.dev/recorded';

const installed = z.object({
  webhooks: z.array(
    z.object({ name: z.string(), rules: z.array(z.unknown()), matchConditions: z.array(z.unknown()) }),
  ),
});

/** Two webhooks that allow everything and record their calls. */
export interface CallRecorder extends AsyncDisposable {
  /** What the API server would send to a webhook without conditions; undefined if it sent nothing. */
  review(call: string): Review | undefined;
  /** Whether it calls a webhook with the installed one's conditions. */
  isCalled(call: string): boolean;
}

/** Records calls for pods of a namespace, with the rules and conditions of the installed webhook `enforce.tagpin.dev`. */
export async function recordCalls(cluster: Cluster, namespace: Namespace): Promise<CallRecorder> {
  const kubectl = (args: readonly string[], input = '') =>
    succeed(run([cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, ...args], { input }));
  const configuration = await kubectl(['get', 'mutatingwebhookconfiguration', 'tagpin', '--output=json']);
  const { webhooks } = installed.parse(JSON.parse(configuration));
  const enforce = webhooks.find(({ name }) => name === 'enforce.tagpin.dev');

  const calls = { all: new Map<string, Review>(), conditional: new Map<string, Review>() };
  const webhook = await startForeignWebhook(cluster, (path, review) => {
    const seen = path === 'conditional' ? calls.conditional : calls.all;
    seen.set(review.request.object.metadata.labels[CALL] ?? '', review);
    return undefined;
  });
  const entry = (path: string, conditions: object) => ({
    name: `${path}.${namespace.name}.tagpin.dev`,
    admissionReviewVersions: ['v1'],
    clientConfig: webhook.clientConfig(path),
    failurePolicy: 'Fail',
    sideEffects: 'None',
    namespaceSelector: { matchLabels: { [LABEL]: namespace.name } },
    rules: enforce?.rules,
    ...conditions,
  });
  const recorder = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: namespace.name },
    webhooks: [entry('all', {}), entry('conditional', { matchConditions: enforce?.matchConditions })],
  };
  await kubectl(['create', '--filename', '-'], JSON.stringify(recorder));
  await kubectl(['label', 'namespace', namespace.name, `${LABEL}=${namespace.name}`]);
  return {
    review: (call) => calls.all.get(call),
    isCalled: (call) => calls.conditional.has(call),
    async [Symbol.asyncDispose]() {
      await kubectl(['delete', 'mutatingwebhookconfiguration', namespace.name]);
      await webhook[Symbol.asyncDispose]();
    },
  };
}
