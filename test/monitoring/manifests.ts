import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const folder = join(import.meta.dirname, '../../charts/tagpin/monitoring');
const read = (file: string) => readFileSync(join(folder, file), 'utf8');

const alert = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(['critical', 'warning', 'info']) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook_url: z.url() }),
});

const rule = z.object({
  spec: z.object({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(alert) })) }),
});

export type Groups = z.infer<typeof rule>['spec']['groups'];

/** The groups of a PrometheusRule of the chart. */
export const readGroups = (file: string): Groups =>
  rule.parse(parse(readFileSync(join(folder, '..', file), 'utf8'))).spec.groups;

/** Those of the webhook, and all their alerts. */
export const groups = readGroups('monitoring/prometheus-rule.yaml');
export const alerts = groups.flatMap(({ rules }) => rules);

export const monitor = z
  .object({
    spec: z.object({
      selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
      endpoints: z.array(z.object({ port: z.string() })),
    }),
  })
  .parse(parse(read('service-monitor.yaml'))).spec;

/** What others than tagpin count, and alerts watch: of kube-state-metrics and the API server, and Prometheus' own. */
export const metricsOfOthers: ReadonlyMap<string, readonly string[]> = new Map([
  ['up', ['job']],
  ['kube_deployment_status_replicas_unavailable', ['deployment']],
  ['apiserver_admission_webhook_rejection_count', ['name', 'error_type']],
  ['apiserver_admission_webhook_fail_open_count', ['name']],
]);

const gridPos = z.strictObject({ h: z.int(), w: z.int(), x: z.int(), y: z.int() });
const panel = z.object({
  id: z.int(),
  title: z.string().min(1),
  type: z.enum(['row', 'timeseries', 'stat']),
  gridPos,
  targets: z.array(z.object({ refId: z.string(), expr: z.string() })).default([]),
});
export type Panel = z.infer<typeof panel>;

const dashboard = z.object({
  uid: z.string(),
  panels: z.array(panel),
  annotations: z.object({ list: z.array(z.object({ expr: z.string() })) }),
});

export const { panels, annotations } = dashboard.parse(JSON.parse(read('dashboard.json')));

/** All expressions, each by what asks for it. */
export const expressions = [
  ...alerts.map(({ alert, expr }) => ({ of: alert, expr })),
  ...panels.flatMap(({ title, targets }) =>
    targets.map(({ refId, expr }) => ({ of: `"${title}" ${refId}`, expr })),
  ),
  ...annotations.list.map(({ expr }) => ({ of: 'the annotation', expr })),
];
