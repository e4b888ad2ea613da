import { z } from 'zod';
import type { ApiServer } from '../test/support/api-server.ts';

const schema = z.object({
  webhooks: z.array(
    z.object({
      timeoutSeconds: z.number(),
      rules: z.array(z.object({ resources: z.array(z.string()) })),
      clientConfig: z.object({
        caBundle: z.base64().default(''),
        service: z.object({ name: z.string(), namespace: z.string(), path: z.string() }),
      }),
      namespaceSelector: z.object({
        matchExpressions: z.array(
          z.object({ key: z.string(), operator: z.enum(['In', 'NotIn']), values: z.array(z.string()) }),
        ),
      }),
    }),
  ),
});

/** Where the API server sends objects of a namespace, and whom it trusts there. */
export interface Target {
  /** With the timeout that the API server tells the webhook. */
  readonly path: string;
  readonly servername: string;
  /** As PEM; empty until the webhook has published it. */
  readonly ca: string;
}

/** The entries of the webhook configuration that are for the resource and whose selector takes the namespace's labels. */
export function targetsOf(api: ApiServer, namespace: string, resource: string): Target[] {
  const { webhooks } = schema.parse(api.find('MutatingWebhookConfiguration', undefined, 'tagpin'));
  const labels = api.find('Namespace', undefined, namespace)?.metadata.labels ?? {};
  return webhooks
    .filter(({ rules }) => rules.some(({ resources }) => resources.includes(resource)))
    .filter(({ namespaceSelector }) =>
      namespaceSelector.matchExpressions.every(
        ({ key, operator, values }) => values.includes(labels[key] ?? '') === (operator === 'In'),
      ),
    )
    .map(({ timeoutSeconds, clientConfig: { caBundle, service } }) => ({
      path: `${service.path}?timeout=${timeoutSeconds}s`,
      servername: `${service.name}.${service.namespace}.svc`,
      ca: Buffer.from(caBundle, 'base64').toString(),
    }));
}
