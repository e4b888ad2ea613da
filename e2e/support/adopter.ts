import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { run } from './command.ts';
import type { Namespace } from './namespace.ts';
import { kubeconfigFor, type Rule } from './role.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

const report = z.object({
  images: z.array(
    z.object({
      revision: z.string(),
      image: z.string(),
      state: z.string(),
      digest: z.string().optional(),
      running: z.array(z.object({ digest: z.string(), from: z.string(), pods: z.number() })),
      tag: z.string().optional(),
    }),
  ),
});

export interface Adopted extends z.infer<typeof report> {
  code: number;
}

/** Runs `tagpin adopt` in a namespace, with the least permissions that it needs, and returns its JSON. */
export type Adopt = (...options: string[]) => Promise<Adopted>;

export async function adopterOf(cluster: Cluster, namespace: Namespace): Promise<Adopt> {
  const folder = mkdtempSync(join(cluster.directory, 'adopt-'));
  const registryConfig = join(folder, 'tagpin.yaml');
  writeFileSync(
    registryConfig,
    stringify({ registries: { [cluster.openRegistry]: { caFile: cluster.caFile } } }),
  );
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, await kubeconfigFor(namespace, 'adopter', rules), { mode: 0o600 });
  const access = ['--kubeconfig', kubeconfig, '--registry-config', registryConfig];
  return async (...options) => {
    const args = ['adopt', ...access, '--output', 'json', ...options, namespace.name];
    const { code, stdout, stderr } = await run([process.execPath, main, ...args]);
    if (stdout === '') throw new Error(`adopt failed with code ${code}: ${stderr}`);
    return { code, ...report.parse(JSON.parse(stdout)) };
  };
}

/** The least permissions that it needs. */
const rules: Rule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
  { apiGroups: [''], resources: ['serviceaccounts', 'secrets'], verbs: ['get'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['list'] },
  { apiGroups: ['apps'], resources: ['replicasets', 'controllerrevisions'], verbs: ['list', 'patch'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['list', 'patch'] },
];
