import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { type Result, run } from './command.ts';
import type { Namespace } from './namespace.ts';
import { kubeconfigFor, type Rule } from './role.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

const report = z.object({
  complete: z.boolean(),
  summary: z.object({ pods: z.number(), templates: z.number(), images: z.number(), pinned: z.number() }),
  namespaces: z.array(
    z.object({
      name: z.string(),
      mode: z.string().optional(),
      findings: z.array(z.object({ kind: z.string() })),
    }),
  ),
  images: z.array(
    z.object({
      workload: z.object({ kind: z.string(), name: z.string() }),
      image: z.string(),
      pods: z.array(z.string()),
      runs: z.object({ digest: z.string(), from: z.string() }).optional(),
      tag: z.string().optional(),
      use: z.string().optional(),
      findings: z.array(z.object({ kind: z.string(), message: z.string() })),
    }),
  ),
});

export interface Audited extends z.infer<typeof report> {
  code: number;
  stderr: string;
}

export interface Auditor {
  /** Runs `tagpin audit -n NAMESPACE`, and returns its output. */
  run(...options: string[]): Promise<Result>;
  /** The same, returning its JSON. */
  audit(...options: string[]): Promise<Audited>;
  /** Runs `tagpin audit` on the whole cluster, and returns its JSON. */
  auditAll(...options: string[]): Promise<Audited>;
}

const workloads: Rule[] = [
  {
    apiGroups: ['apps'],
    resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'],
    verbs: ['get', 'list'],
  },
  { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: ['get', 'list'] },
  { apiGroups: [''], resources: ['pods', 'replicationcontrollers'], verbs: ['get', 'list'] },
];
const pulling: Rule = { apiGroups: [''], resources: ['secrets', 'serviceaccounts'], verbs: ['get'] };
const installed: Rule = {
  apiGroups: ['admissionregistration.k8s.io'],
  resources: ['mutatingwebhookconfigurations'],
  verbs: ['list'],
};
const context: Rule = { apiGroups: [''], resources: ['nodes', 'namespaces'], verbs: ['get', 'list'] };

/** Runs `tagpin audit` with the least permissions that it needs; it may read Secrets only in this namespace. */
export async function auditorOf(cluster: Cluster, namespace: Namespace): Promise<Auditor> {
  const folder = mkdtempSync(join(cluster.directory, 'audit-'));
  const registryConfig = join(folder, 'tagpin.yaml');
  writeFileSync(
    registryConfig,
    stringify({ registries: { [cluster.openRegistry]: { caFile: cluster.caFile } } }),
  );
  const kubeconfig = join(folder, 'kubeconfig');
  const text = await kubeconfigFor(namespace, 'auditor', [pulling], [...workloads, context, installed]);
  writeFileSync(kubeconfig, text, { mode: 0o600 });
  const command = [
    process.execPath,
    main,
    'audit',
    '--kubeconfig',
    kubeconfig,
    '--registry-config',
    registryConfig,
  ];
  const ofAll = (...options: string[]) => run([...command, ...options]);
  const ofOne = (...options: string[]) => ofAll('-n', namespace.name, ...options);
  const parse = ({ code, stdout, stderr }: Result): Audited => {
    if (stdout === '') throw new Error(`audit failed with code ${code}: ${stderr}`);
    return { code, stderr, ...report.parse(JSON.parse(stdout)) };
  };
  return {
    run: ofOne,
    audit: async (...options) => parse(await ofOne('-o', 'json', ...options)),
    auditAll: async (...options) => parse(await ofAll('-o', 'json', ...options)),
  };
}
