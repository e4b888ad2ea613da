import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { kubernetesObject } from '../test/support/api-server/objects.ts';
import { type ApiServer, startApiServer } from '../test/support/api-server.ts';
import { createAuthority } from '../test/support/authority.ts';

/** Where everything that is measured happens. */
export interface Stage extends AsyncDisposable {
  readonly folder: string;
  readonly kubeconfig: string;
  readonly api: ApiServer;
}

/** The namespace that opted in. */
export const NAMESPACE = 'shop';

/** A stand-in for the API server with tagpin's own objects, and one namespace that opted in. */
export async function startStage(): Promise<Stage> {
  await using started = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  started.defer(() => {
    process.off('exit', remove);
    remove();
  });
  const authority = await createAuthority();
  const tls = await authority.issue(['127.0.0.1']);
  const api = started.use(await startApiServer({ tls, caPem: authority.caPem, token: 'bench' }));
  api.put({
    ...manifest('overlays/default/certificate.yaml'),
    metadata: { name: 'tagpin-certificate', namespace: 'tagpin-system' },
  });
  api.put(manifest('base/webhook.yaml'));
  addNamespace(api, NAMESPACE);
  const kubeconfig = join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  const kept = started.move();
  return { folder, kubeconfig, api, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function manifest(file: string) {
  const path = join(import.meta.dirname, '../manifests', file);
  return kubernetesObject.parse(parse(readFileSync(path, 'utf8')));
}

/** A login to a registry. */
export interface Login {
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** A namespace whose pods pull with this login; without one, anonymously. */
export function addNamespace(api: ApiServer, name: string, login?: Login): void {
  const labels = { 'kubernetes.io/metadata.name': name, 'tagpin.dev/pin': 'enforce' };
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: name, name: 'default' },
    imagePullSecrets: login === undefined ? [] : [{ name: 'login' }],
  });
  if (login !== undefined) api.put(pullSecret(name, login));
}

/** As `kubectl create secret docker-registry` makes it. */
function pullSecret(namespace: string, { registry, username, password }: Login) {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const auths = { [registry]: { username, password, auth } };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name: 'login' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  };
}
