import { stringify } from 'yaml';
import { type Audit, type AuditedNamespace, totalsOf } from '../../fleet/audit.ts';
import type { AuditedImage } from '../../fleet/audited-image.ts';
import type { FindingKind } from '../../fleet/finding.ts';
import { printWorkload } from '../../fleet/workload.ts';
import { printJson } from '../../json.ts';
import { printable } from '../../printable.ts';
import { printCsv } from '../../report/table.ts';

/** For programs: one object. */
export const printAuditJson = (audit: Audit) => printJson(dataOf(audit));

/** The same in YAML. */
export const printAuditYaml = (audit: Audit) =>
  // As JSON first, which drops undefined fields. No anchors, because not every parser reads them.
  stringify(JSON.parse(JSON.stringify(dataOf(audit))), { lineWidth: 0, aliasDuplicateObjects: false });

function dataOf(audit: Audit) {
  const { at, cluster, namespaces, images, problems } = audit;
  const { findings, ...totals } = totalsOf(audit);
  return {
    at: at.toISOString(),
    cluster,
    /** Whether nothing is missing. */
    complete: problems.length === 0,
    summary: { ...totals, findings: Object.fromEntries(findings) },
    namespaces,
    images: images.map(imageData),
    problems,
  };
}

function imageData(image: AuditedImage) {
  const { workload, pods, runs, drift, newest, ...rest } = image;
  const { namespace, kind, name, apiVersion } = workload;
  return {
    namespace,
    workload: { apiVersion, kind, name },
    ...rest,
    runs: runs && { digest: runs.digest, from: runs.from },
    drift: drift && {
      tag: drift.tag,
      since: drift.since?.at.toISOString(),
      from: drift.since?.from,
    },
    newest: newest === '' ? undefined : newest,
    pods,
  };
}

const headings = [
  'namespace',
  'workload',
  'managedBy',
  'revision',
  'container',
  'image',
  'written',
  'pullPolicy',
  'platform',
  'pods',
  'runs',
  'runsFrom',
  'tag',
  'driftSince',
  'driftFrom',
  'use',
  'findings',
  'notes',
];

/** For spreadsheets: a row for each image. */
export function printAuditCsv({ images }: Audit): string {
  return printCsv(
    headings,
    images.map((image) => {
      const { workload, pods, runs, drift, findings, notes } = image;
      return [
        workload.namespace,
        printWorkload(workload),
        image.managedBy,
        image.revision,
        image.container,
        image.image,
        image.written,
        image.pullPolicy,
        image.platform,
        String(pods.length),
        runs?.digest,
        runs?.from,
        image.tag,
        drift?.since?.at.toISOString(),
        drift?.since?.from,
        image.use,
        findings.map(({ kind }) => kind).join(' '),
        [...findings.map(({ message }) => message), ...notes].join('; '),
      ].map((cell) => printable(cell ?? ''));
    }),
  );
}

/** Two API groups with one schema: the second is the first's successor (openreports/reports-api, kubernetes-sigs/wg-policy-prototypes). */
const groups = {
  policyreport: { apiVersion: 'wgpolicyk8s.io/v1alpha2', kind: 'PolicyReport' },
  openreports: { apiVersion: 'openreports.io/v1alpha1', kind: 'Report' },
} as const;

/** The severities that every version in use has. */
type Severity = 'high' | 'medium' | 'low';

/** A `warn` isn't scored. */
const verdicts: Readonly<Record<FindingKind, { result: 'fail' | 'warn'; severity: Severity }>> = {
  invalid: { result: 'fail', severity: 'high' },
  gone: { result: 'fail', severity: 'high' },
  mixed: { result: 'fail', severity: 'high' },
  label: { result: 'fail', severity: 'high' },
  ineffective: { result: 'fail', severity: 'high' },
  latest: { result: 'fail', severity: 'medium' },
  unpinned: { result: 'fail', severity: 'medium' },
  drift: { result: 'warn', severity: 'medium' },
  always: { result: 'warn', severity: 'low' },
};

/** For existing dashboards: a report for each namespace, to be applied. */
export function printPolicyReports(audit: Audit, group: keyof typeof groups): string {
  const byNamespace = Map.groupBy(audit.images, ({ workload }) => workload.namespace);
  return audit.namespaces
    .map((namespace) => {
      const results = [
        ...namespaceResults(namespace),
        ...(byNamespace.get(namespace.name) ?? []).flatMap(imageResults),
      ].map((result) => ({ ...result, scored: result.result !== 'warn', ...commonOf(audit.at) }));
      const count = (wanted: string) => results.filter(({ result }) => result === wanted).length;
      const report = {
        ...groups[group],
        metadata: {
          name: 'tagpin-audit',
          namespace: namespace.name,
          labels: { 'app.kubernetes.io/managed-by': 'tagpin' },
        },
        scope: { apiVersion: 'v1', kind: 'Namespace', name: namespace.name },
        summary: { pass: count('pass'), fail: count('fail'), warn: count('warn'), error: 0, skip: 0 },
        results,
      };
      return `---\n${stringify(report, { lineWidth: 0, aliasDuplicateObjects: false })}`;
    })
    .join('');
}

const commonOf = (at: Date) => ({
  source: 'tagpin',
  category: 'Image pinning',
  timestamp: { seconds: Math.floor(at.getTime() / 1_000), nanos: 0 },
});

interface PolicyResult {
  policy: string;
  result: 'pass' | 'fail' | 'warn';
  severity?: Severity;
  message: string;
  resources: { apiVersion: string; kind: string; name: string; namespace?: string }[];
  properties?: Record<string, string>;
}

const POLICY = 'tagpin-';

function namespaceResults({ name, findings }: AuditedNamespace): PolicyResult[] {
  return findings.map(({ kind, message }) => ({
    policy: `${POLICY}${kind}`,
    ...verdicts[kind],
    message,
    resources: [{ apiVersion: 'v1', kind: 'Namespace', name }],
  }));
}

function imageResults({
  workload,
  container,
  image,
  runs,
  use,
  pods,
  findings,
}: AuditedImage): PolicyResult[] {
  const { apiVersion, kind, namespace, name } = workload;
  const about = {
    resources: [{ apiVersion, kind, namespace, name }],
    properties: {
      container,
      image,
      pods: String(pods.length),
      ...(runs !== undefined && { runs: runs.digest }),
      ...(use !== undefined && { use }),
    },
  };
  if (findings.length === 0) {
    const isPinned = runs?.from === 'spec';
    const message = `container ${container}: ${image} is by digest`;
    return isPinned ? [{ policy: `${POLICY}unpinned`, result: 'pass', message, ...about }] : [];
  }
  return findings.map((finding) => ({
    policy: `${POLICY}${finding.kind}`,
    ...verdicts[finding.kind],
    message: `container ${container}: ${image}: ${finding.message}`,
    ...about,
  }));
}
