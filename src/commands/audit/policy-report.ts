import { stringify } from 'yaml';
import type { Audit, AuditedImage, AuditedNamespace } from '../../fleet/audit.ts';
import type { FindingKind } from '../../fleet/finding.ts';

/** Both groups have the same form; the second came of the first (openreports/reports-api, kubernetes-sigs/wg-policy-prototypes). */
const groups = {
  policyreport: { apiVersion: 'wgpolicyk8s.io/v1alpha2', kind: 'PolicyReport' },
  openreports: { apiVersion: 'openreports.io/v1alpha1', kind: 'Report' },
} as const;

/** Of the severities that all versions in use have. */
type Severity = 'high' | 'medium' | 'low';

/** `warn` is what isn't counted against anybody. */
const verdicts: Readonly<Record<FindingKind, { result: 'fail' | 'warn'; severity: Severity }>> = {
  invalid: { result: 'fail', severity: 'high' },
  gone: { result: 'fail', severity: 'high' },
  mixed: { result: 'fail', severity: 'high' },
  label: { result: 'fail', severity: 'high' },
  latest: { result: 'fail', severity: 'medium' },
  unpinned: { result: 'fail', severity: 'medium' },
  drift: { result: 'warn', severity: 'medium' },
  always: { result: 'warn', severity: 'low' },
};

/** For the dashboards that people have: a report for each namespace, to be applied. */
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

interface Result {
  policy: string;
  result: 'pass' | 'fail' | 'warn';
  severity?: Severity;
  message: string;
  resources: { apiVersion: string; kind: string; name: string; namespace?: string }[];
  properties?: Record<string, string>;
}

const POLICY = 'tagpin-';

function namespaceResults({ name, findings }: AuditedNamespace): Result[] {
  return findings.map(({ kind, message }) => ({
    policy: `${POLICY}${kind}`,
    ...verdicts[kind],
    message,
    resources: [{ apiVersion: 'v1', kind: 'Namespace', name }],
  }));
}

function imageResults({ workload, container, image, runs, use, pods, findings }: AuditedImage): Result[] {
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
