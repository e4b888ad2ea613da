import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import { startForeignWebhook } from './foreign-webhook.ts';
import type { Namespace } from './namespace.ts';

/** Has a webhook, called after tagpin, add a sidecar of this image to the pods of a namespace. Ends when it is disposed of. */
export async function injectSidecars(
  cluster: Cluster,
  namespace: Namespace,
  image: string,
): Promise<AsyncDisposable> {
  const kubectl = (args: readonly string[], input = '') =>
    succeed(run([cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, ...args], { input }));
  const webhook = await startForeignWebhook(cluster, () => [
    { op: 'add', path: '/spec/containers/-', value: { name: 'sidecar', image } },
  ]);
  // They are called in the order of these names.
  const name = `zz-${namespace.name}`;
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'injector.e2e.tagpin.dev',
        admissionReviewVersions: ['v1'],
        clientConfig: webhook.clientConfig('inject'),
        failurePolicy: 'Fail',
        sideEffects: 'None',
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace.name } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  };
  await kubectl(['create', '--filename', '-'], JSON.stringify(configuration));
  return {
    async [Symbol.asyncDispose]() {
      await kubectl(['delete', 'mutatingwebhookconfiguration', name]);
      await webhook[Symbol.asyncDispose]();
    },
  };
}
