import { type Audit, type AuditedNamespace, printPercent, type Totals, totalsOf } from '../../fleet/audit.ts';
import type { AuditedImage } from '../../fleet/audited-image.ts';
import { type FindingKind, findingKinds, meanings } from '../../fleet/finding.ts';
import { printWorkload } from '../../fleet/workload.ts';
import { printable } from '../../image/excerpt.ts';
import { printTable, shortenDigests } from '../../report/table.ts';

/** For people: findings in figures, by namespace, and image by image. */
export function printAuditTables(audit: Audit, { isWide }: { isWide: boolean }): string {
  const totals = totalsOf(audit);
  const found = audit.images.filter(({ findings }) => findings.length > 0);
  const kinds = [...totals.findings.keys()];
  const summary = [...totals.findings].map(([kind, count]) => [kind, String(count), meanings[kind]]);
  return [
    `${summarize(totals)}\n`,
    summary.length === 0 ? '' : printTable(['FINDING', 'COUNT', 'WHAT IT MEANS'], summary),
    printTable(
      headingsOf(kinds),
      audit.namespaces.map((namespace) => cellsOf(namespace, kinds)),
    ),
    found.length === 0
      ? ''
      : printTable(
          imageHeadings(isWide),
          found.map((image) => imageCells(image, isWide)),
        ),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** A sentence with the number of images, and of those by digest. */
export function summarize({ namespaces, pods, templates, images, pinned }: Totals): string {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const share = images === 0 ? '' : `: ${pinned} by digest (${printPercent(pinned, images)})`;
  const places = [
    count(pods, 'pod'),
    ...(templates === 0 ? [] : [`${count(templates, 'template')} without pods`]),
  ];
  return `${count(images, 'image')} in ${places.join(' and ')} of ${count(namespaces, 'namespace')}${share}`;
}

/** The findings that have a column. A mistyped label is a note instead. */
const columnsOf = (kinds: readonly FindingKind[]) => kinds.filter((kind) => kind !== 'label');

const headingsOf = (kinds: readonly FindingKind[]) => [
  'NAMESPACE',
  'MODE',
  'PODS',
  'IMAGES',
  'PINNED',
  ...columnsOf(kinds).map((kind) => kind.toUpperCase()),
  ...(kinds.includes('label') ? ['NOTE'] : []),
];

function cellsOf(namespace: AuditedNamespace, kinds: readonly FindingKind[]): string[] {
  const { name, mode, pods, images, pinned, counts, findings } = namespace;
  return [
    name,
    mode ?? '-',
    String(pods),
    String(images),
    printPercent(pinned, images),
    ...columnsOf(kinds).map((kind) => String(counts[kind] ?? 0)),
    ...(kinds.includes('label') ? [printable(findings.map(({ message }) => message).join('; '))] : []),
  ];
}

const imageHeadings = (isWide: boolean) => [
  'NAMESPACE',
  'WORKLOAD',
  'CONTAINER',
  'IMAGE',
  'PODS',
  'RUNS',
  'FINDINGS',
  'USE INSTEAD',
  ...(isWide ? ['NAMES'] : []),
  'NOTE',
];

function imageCells(image: AuditedImage, isWide: boolean): string[] {
  const { workload, container, pods, runs, findings, use } = image;
  const kinds = findings.map(({ kind }) => kind);
  return [
    workload.namespace,
    printWorkload(workload),
    container,
    shortenDigests(printable(image.image)),
    String(pods.length),
    runs === undefined ? '-' : shortenDigests(runs.digest),
    findingKinds.filter((kind) => kinds.includes(kind)).join(','),
    use === undefined ? '-' : printable(use),
    ...(isWide ? [pods.join(',') || '-'] : []),
    shortenDigests(printable(notesOf(image))),
  ];
}

/** What an image's findings say beyond their names, and its notes. */
export function notesOf({ findings, notes }: AuditedImage): string {
  const said = findings.filter(({ kind }) => !selfEvident.has(kind)).map(({ message }) => message);
  return [...said, ...notes].join('; ');
}

/** Findings whose name says everything. */
const selfEvident: ReadonlySet<FindingKind> = new Set<FindingKind>(['latest', 'unpinned', 'always']);
