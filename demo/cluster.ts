import { join } from 'node:path';
import { type ApiServer, startSecureApiServer } from '../test/support/api-server.ts';
import {
  namespaceObjects,
  pullSecret,
  serviceAccount,
  webhookObjects,
} from '../test/support/cluster-objects.ts';
import { ready, startWebhookProcess, type WebhookProcess } from '../test/support/webhook-process.ts';
import { type User, users } from './registries.ts';

/** The stand-in for the API server, and the real webhook, whose CA it has. */
export interface Cluster extends AsyncDisposable {
  readonly api: ApiServer;
  readonly webhook: WebhookProcess;
}

/** How long the webhook caches a digest: short, so that the demo needn't wait. */
export const CACHE_AGE_MS = 500;

/** Starts both, and returns when the webhook is ready. `closed` is the registry that the pull secrets are for. */
export async function startCluster(folder: string, closed: string, signal: AbortSignal): Promise<Cluster> {
  await using started = new AsyncDisposableStack();
  const api = started.use(await startSecureApiServer());
  for (const object of objects(closed)) api.put(object);
  const kubeconfig = join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  const settings = { cache: { age: `${CACHE_AGE_MS}ms` } };
  const webhook = started.use(await startWebhookProcess({ folder, kubeconfig, settings }));
  await ready(webhook, signal);
  const kept = started.move();
  return { api, webhook, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function objects(closed: string) {
  const login = ({ name, password }: User) => ({ registry: closed, username: name, password });
  return [
    ...webhookObjects(),
    ...namespaceObjects('shop', { 'tagpin.dev/pin': 'enforce' }),
    pullSecret('shop', 'ada-login', login(users.ada)),
    ...namespaceObjects('staff', { 'tagpin.dev/pin': 'enforce' }),
    serviceAccount('staff', 'default', 'bob-login'),
    pullSecret('staff', 'bob-login', login(users.bob)),
    ...namespaceObjects('sandbox', { 'tagpin.dev/pin': 'best-effort' }),
    ...namespaceObjects('museum', { 'tagpin.dev/pin': 'audit' }),
  ];
}
