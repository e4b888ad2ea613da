import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import type { Namespace } from './namespace.ts';
import { kubeconfigAs } from './role.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

const reportSchema = z.object({
  checks: z.array(z.object({ name: z.string(), result: z.string(), detail: z.string() })),
  images: z.array(
    z.object({
      image: z.string(),
      state: z.string(),
      digest: z.string().optional(),
      credential: z.string().optional(),
      message: z.string().optional(),
      usedBy: z.array(z.string()),
    }),
  ),
});
export type Report = z.infer<typeof reportSchema>;

export interface PreflightSettings {
  /** Further configuration of tagpin. */
  readonly config?: object;
  /** A kubeconfig other than the cluster administrator's. */
  readonly kubeconfig?: string;
}

export type Preflight = (
  namespace: string,
  settings?: PreflightSettings,
) => Promise<{ code: number; report: Report }>;

/** Runs `tagpin preflight`, and returns its JSON. */
export function preflightOf(cluster: Cluster): Preflight {
  const trusted = { caFile: cluster.caFile };
  const registries = { [cluster.openRegistry]: trusted, [cluster.privateRegistry]: trusted };
  return async (namespace, { config, kubeconfig = cluster.kubeconfig } = {}) => {
    const file = join(mkdtempSync(join(cluster.directory, 'preflight-')), 'tagpin.yaml');
    writeFileSync(file, stringify({ registries, ...config }));
    const args = [
      'preflight',
      namespace,
      '-o',
      'json',
      '--kubeconfig',
      kubeconfig,
      '--registry-config',
      file,
    ];
    const { code, stdout, stderr } = await run([process.execPath, main, ...args]);
    if (stdout === '') throw new Error(`preflight failed with code ${code}: ${stderr}`);
    return { code, report: reportSchema.parse(JSON.parse(stdout)) };
  };
}

/** The result of each check, by its name. */
export const resultsOf = ({ checks }: Report) =>
  Object.fromEntries(checks.map(({ name, result }) => [name, result]));

/** A kubeconfig with one ClusterRole in this namespace, and nothing else. */
export async function kubeconfigWith(cluster: Cluster, namespace: Namespace, role: string): Promise<string> {
  const name = `has-${role}`;
  await succeed(namespace.kubectl(['create', 'serviceaccount', name]));
  const account = `--serviceaccount=${namespace.name}:${name}`;
  await succeed(namespace.kubectl(['create', 'rolebinding', name, `--clusterrole=${role}`, account]));
  const file = join(mkdtempSync(join(cluster.directory, 'preflight-')), 'kubeconfig');
  writeFileSync(file, await kubeconfigAs(namespace, name), { mode: 0o600 });
  return file;
}
