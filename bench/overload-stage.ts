import { join } from 'node:path';
import { z } from 'zod';
import { type ApiServer, startSecureApiServer } from '../test/support/api-server.ts';
import { ready, startWebhookProcess, type WebhookProcess } from '../test/support/webhook-process.ts';

/** The webhook as a process of its own, beside an API server that holds what it needs. */
export interface Stage extends AsyncDisposable {
  readonly webhook: WebhookProcess;
  /** The API server that it works with. */
  readonly api: ApiServer;
  /** The CA that it has told the API server to trust. */
  readonly ca: string;
}

const configurationSchema = z.object({
  webhooks: z.tuple([z.object({ clientConfig: z.object({ caBundle: z.string() }) })]),
});

/** The heap that Node.js takes in a container of 512 MiB, as the manifests have it. */
const HEAP = '--max-old-space-size=256';

/** Starts both; returns when the webhook is ready. */
export async function startStage(
  folder: string,
  { webhook: limits = {}, ...settings }: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): Promise<Stage> {
  await using started = new AsyncDisposableStack();
  const api = started.use(await startSecureApiServer());
  const metadata = { namespace: 'tagpin-system', name: 'tagpin-certificate' };
  api.put({ apiVersion: 'v1', kind: 'Secret', metadata });
  api.put({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'tagpin' },
    webhooks: [{ name: 'enforce.tagpin.dev', clientConfig: { service: { name: 'tagpin' } } }],
  });
  api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name: 'default' },
  });
  const kubeconfig = join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  process.env['NODE_OPTIONS'] = HEAP;
  const webhook = started.use(await startWebhookProcess({ folder, kubeconfig, webhook: limits, settings }));
  await ready(webhook);
  const configuration = api.find('MutatingWebhookConfiguration', undefined, 'tagpin');
  const [{ clientConfig }] = configurationSchema.parse(configuration).webhooks;
  const kept = started.move();
  return {
    webhook,
    api,
    ca: Buffer.from(clientConfig.caBundle, 'base64').toString(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
