import { stringify } from 'yaml';
import type { Audit, AuditedImage } from '../../fleet/audit.ts';
import { totalsOf } from '../../fleet/totals.ts';
import { printWorkload } from '../../fleet/workload.ts';
import { printable } from '../../image/excerpt.ts';
import { printCsv } from '../../report/csv.ts';

/** For programs: one object. */
export const printAuditJson = (audit: Audit) => `${JSON.stringify(dataOf(audit), undefined, 2)}\n`;

/** The same in YAML. */
export const printAuditYaml = (audit: Audit) =>
  // As JSON first, which drops what isn't there; no anchors, so that any parser will do.
  stringify(JSON.parse(JSON.stringify(dataOf(audit))), { lineWidth: 0, aliasDuplicateObjects: false });

function dataOf(audit: Audit) {
  const { at, namespaces, images, problems } = audit;
  const { findings, ...totals } = totalsOf(audit);
  return {
    at: at.toISOString(),
    /** Whether all was found out that was to be. */
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
