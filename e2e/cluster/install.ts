import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stringify } from 'yaml';
import { run, succeed } from '../support/command.ts';

const manifests = join(import.meta.dirname, '../../manifests/overlays/default');

export interface InstallOptions {
  readonly directory: string;
  readonly kubectl: string;
  readonly kubeconfig: string;
  /** tagpin's image, with its tag. */
  readonly image: string;
  readonly caFile: string;
  /** Registries whose certificates the CA has issued. */
  readonly registries: readonly string[];
  /** For a cluster whose pods have no DNS for the registries' names. */
  readonly hostAliases?: readonly { readonly ip: string; readonly hostnames: readonly string[] }[];
}

/** Installs tagpin as users do, with their own kustomization over an overlay. Resolves when both replicas are ready. */
export async function installTagpin(options: InstallOptions): Promise<void> {
  const { directory, kubectl, kubeconfig } = options;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'kustomization.yaml'), stringify(overlay(options)));
  const on = (...args: string[]) => run([kubectl, '--kubeconfig', kubeconfig, ...args]);
  await succeed(on('apply', '-k', directory));
  const ready = await on('-n', 'tagpin-system', 'rollout', 'status', 'deployment/tagpin', '--timeout=90s');
  if (ready.code === 0) return;
  const pods = await on('-n', 'tagpin-system', 'describe', 'pods');
  const logs = await on('-n', 'tagpin-system', 'logs', 'deployment/tagpin', '--tail=20');
  throw new Error(`tagpin doesn't become ready:\n${pods.stdout}\n${logs.stdout}${logs.stderr}`);
}

function overlay({ directory, image, caFile, registries, hostAliases = [] }: InstallOptions) {
  const at = image.lastIndexOf(':');
  const config = {
    // So short that a pod can't get an old digest from the cache.
    cache: { age: '1s' },
    registries: Object.fromEntries(registries.map((host) => [host, { caFile: '/etc/tagpin/ca.crt' }])),
  };
  const patches = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'tagpin-config' },
      data: { 'config.yaml': stringify(config), 'ca.crt': readFileSync(caFile, 'utf8') },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'tagpin' },
      spec: { template: { spec: { hostAliases } } },
    },
  ];
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace: 'tagpin-system',
    resources: [relative(directory, manifests)],
    images: [{ name: 'ghcr.io/tagpin/tagpin', newName: image.slice(0, at), newTag: image.slice(at + 1) }],
    patches: patches.map((patch) => ({ patch: stringify(patch) })),
  };
}
