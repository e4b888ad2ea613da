import { join } from 'node:path';
import { z } from 'zod';
import { type ApiServer, startSecureApiServer } from '../test/support/api-server.ts';
import { freePort } from '../test/support/listen.ts';
import { ready, startWebhookProcess } from '../test/support/webhook-process.ts';
import { startTagpinProcess } from './servers/tagpin.ts';

/** A process of the webhook's. */
export interface Replica extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly healthPort: number;
}

/** The webhook as a process of its own, beside an API server that holds what it needs. */
export interface Stage extends AsyncDisposable {
  readonly webhook: Replica;
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

/** Starts a replica with this kubeconfig; returns when it is ready. */
type Start = (folder: string, kubeconfig: string, settings: Settings) => Promise<Replica>;

/** The webhook's configuration, as far as it isn't the default. */
type Settings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** From its source, as tests have everything. */
const fromSource: Start = async (folder, kubeconfig, { webhook = {}, ...settings }) => {
  process.env['NODE_OPTIONS'] = HEAP;
  const replica = await startWebhookProcess({ folder, kubeconfig, webhook, settings });
  await ready(replica);
  const { child, port, healthPort } = replica;
  return {
    pid: child.pid ?? 0,
    port,
    healthPort,
    [Symbol.asyncDispose]: () => replica[Symbol.asyncDispose](),
  };
};

/** The bundle, as it runs in its image. */
export const fromBundle: Start = async (folder, kubeconfig, settings) => {
  const ports = { port: await freePort(), healthPort: await freePort() };
  const process = await startTagpinProcess({ folder, kubeconfig, ...ports, settings, nodeOptions: [HEAP] });
  return { ...process, ...ports };
};

/** Starts both; returns when the webhook is ready. */
export async function startStage(
  folder: string,
  settings: Settings,
  start: Start = fromSource,
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
  const webhook = started.use(await start(folder, kubeconfig, settings));
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
