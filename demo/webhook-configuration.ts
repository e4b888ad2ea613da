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

/** Where the API server sends the objects of a namespace, and the CA it trusts there. */
export interface Target {
  /** Includes the timeout that the API server sends. */
  readonly path: string;
  readonly servername: string;
  /** PEM; empty until the webhook has published it. */
  readonly ca: string;
}

/** The webhooks for the resource whose selector matches the namespace's labels. */
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
