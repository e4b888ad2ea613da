import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import { type Review, startForeignWebhook } from './foreign-webhook.ts';
import { type Namespace, podManifest } from './namespace.ts';
import { until } from './until.ts';

/** When a webhook is called: webhooks are called in the order of their configurations' names. */
export type Turn = 'before tagpin' | 'after tagpin';

type Pod = Review['request']['object'];

/** The patch that adds a container of this image. */
export const sidecar = (image: string) => () => [
  { op: 'add', path: '/spec/containers/-', value: { name: 'sidecar', image } },
];

/** The patch that writes other images into the containers. */
export const rewriting =
  (rewrite: (image: string) => string) =>
  ({ spec }: Pod) =>
    (spec?.containers ?? []).map(({ image = '' }, index) => ({
      op: 'replace',
      path: `/spec/containers/${index}/image`,
      value: rewrite(image),
    }));

/** Has a webhook, called after tagpin, add a sidecar of this image to the pods of a namespace. Ends when it is disposed of. */
export const injectSidecars = (cluster: Cluster, namespace: Namespace, image: string) =>
  patchPods(cluster, namespace, 'after tagpin', sidecar(image));

/**
 * Has a webhook other than tagpin's patch the pods of a namespace as they are created. Returns when the API server calls it. Ends
 * when it is disposed of.
 */
export async function patchPods(
  cluster: Cluster,
  namespace: Namespace,
  turn: Turn,
  patch: (pod: Pod) => readonly object[],
  /** Tells it from others of the namespace. */
  what = 'patch',
): Promise<AsyncDisposable> {
  const kubectl = (args: readonly string[], input = '') =>
    succeed(run([cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, ...args], { input }));
  let isCalled = false;
  const webhook = await startForeignWebhook(cluster, (_path, { request }) => {
    isCalled = true;
    return patch(request.object);
  });
  const name = `${turn === 'before tagpin' ? 'aa' : 'zz'}-${what}-${namespace.name}`;
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'injector.e2e.tagpin.dev',
        admissionReviewVersions: ['v1'],
        clientConfig: webhook.clientConfig('patch'),
        failurePolicy: 'Fail',
        sideEffects: 'None',
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace.name } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  };
  await kubectl(['create', '--filename', '-'], JSON.stringify(configuration));
  const probe = JSON.stringify(podManifest({ name: 'probe', image: `probe@sha256:${'0'.repeat(64)}` }));
  await until('the API server to call the webhook', async () => {
    await namespace.kubectl(['create', '--dry-run=server', '--filename=-'], probe);
    return isCalled || undefined;
  });
  return {
    async [Symbol.asyncDispose]() {
      await kubectl(['delete', 'mutatingwebhookconfiguration', name]);
      await webhook[Symbol.asyncDispose]();
    },
  };
}
