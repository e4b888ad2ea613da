import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { kubernetesObject } from './api-server/objects.ts';

/** A login to a registry. */
export interface Login {
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** One of tagpin's own objects, from `manifests/`. */
function installed(file: string) {
  const path = join(import.meta.dirname, '../../manifests', file);
  return kubernetesObject.parse(parse(readFileSync(path, 'utf8'), { merge: true }));
}

/** The objects that the webhook needs: its webhook configuration, and the Secret for its certificate. */
export function webhookObjects() {
  const metadata = { name: 'tagpin-certificate', namespace: 'tagpin-system' };
  return [{ ...installed('overlays/default/certificate.yaml'), metadata }, installed('base/webhook.yaml')];
}

/** The namespace that tagpin is installed in. */
export const systemNamespace = () => installed('base/namespace.yaml');

/** A namespace with these labels, whose pods pull with this login, or else anonymously. */
export function namespaceObjects(name: string, given: Readonly<Record<string, string>>, login?: Login) {
  const labels = { 'kubernetes.io/metadata.name': name, ...given };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
    serviceAccount(name, 'default', ...(login === undefined ? [] : ['login'])),
    ...(login === undefined ? [] : [pullSecret(name, 'login', login)]),
  ];
}

export function serviceAccount(namespace: string, name: string, ...pullSecrets: string[]) {
  const imagePullSecrets = pullSecrets.map((name) => ({ name }));
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name }, imagePullSecrets };
}

/** As `kubectl create secret docker-registry` creates it. */
export function pullSecret(namespace: string, name: string, { registry, username, password }: Login) {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const config = JSON.stringify({ auths: { [registry]: { username, password, auth } } });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
  };
}
