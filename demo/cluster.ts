import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { kubernetesObject } from '../test/support/api-server/objects.ts';
import { type ApiServer, startApiServer } from '../test/support/api-server.ts';
import { createAuthority } from '../test/support/authority.ts';
import { ready, startWebhookProcess, type WebhookProcess } from '../test/support/webhook-process.ts';
import { type User, users } from './registries.ts';

/** The stand-in for the API server, and the real webhook that it has been told to trust. */
export interface Cluster extends AsyncDisposable {
  readonly api: ApiServer;
  readonly webhook: WebhookProcess;
}

/** How long the webhook believes a digest to be the tag's: short, for nobody wants to wait. */
export const CACHE_AGE_MS = 500;

/** Starts both, and returns when the webhook is ready. `closed` is the registry that the pull secrets are for. */
export async function startCluster(folder: string, closed: string, signal: AbortSignal): Promise<Cluster> {
  await using started = new AsyncDisposableStack();
  const authority = await createAuthority();
  const tls = await authority.issue(['127.0.0.1']);
  const api = started.use(await startApiServer({ tls, caPem: authority.caPem, token: 'let-the-demo-in' }));
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
  return [
    {
      ...manifest('overlays/default/certificate.yaml'),
      metadata: { name: 'tagpin-certificate', namespace: 'tagpin-system' },
    },
    manifest('base/webhook.yaml'),
    namespace('shop', 'enforce'),
    serviceAccount('shop'),
    pullSecret('shop', 'ada-login', closed, users.ada),
    namespace('staff', 'enforce'),
    serviceAccount('staff', 'bob-login'),
    pullSecret('staff', 'bob-login', closed, users.bob),
    namespace('sandbox', 'best-effort'),
    serviceAccount('sandbox'),
    namespace('museum', 'audit'),
    serviceAccount('museum'),
  ];
}

/** An object as the repository has it to be installed. */
function manifest(file: string) {
  const path = join(import.meta.dirname, '../manifests', file);
  return kubernetesObject.parse(parse(readFileSync(path, 'utf8')));
}

function namespace(name: string, mode: string) {
  const labels = { 'kubernetes.io/metadata.name': name, 'tagpin.dev/pin': mode };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

function serviceAccount(namespace: string, ...pullSecrets: string[]) {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace, name: 'default' },
    imagePullSecrets: pullSecrets.map((name) => ({ name })),
  };
}

/** As `kubectl create secret docker-registry` makes it. */
function pullSecret(namespace: string, name: string, registry: string, user: User) {
  const auth = Buffer.from(`${user.name}:${user.password}`).toString('base64');
  const auths = { [registry]: { username: user.name, password: user.password, auth } };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  };
}
