import { type Audit, type AuditedNamespace, printPercent, type Totals, totalsOf } from '../../fleet/audit.ts';
import type { AuditedImage } from '../../fleet/audited-image.ts';
import { type FindingKind, findingKinds, meanings, namespaceKinds } from '../../fleet/finding.ts';
import { printWorkload } from '../../fleet/workload.ts';
import { printable } from '../../printable.ts';
import { printTable, shortenDigests, wrap } from '../../report/table.ts';

/** What fits a terminal of usual size. */
const WIDTH = 100;

/** For people: findings in figures, by namespace, and image by image. Wide tables have a line for each image, with everything. */
export function printAuditTables(audit: Audit, { isWide }: { isWide: boolean }): string {
  const width = isWide ? undefined : WIDTH;
  const totals = totalsOf(audit);
  const found = audit.images.filter(({ findings, unknown }) => findings.length > 0 || unknown !== undefined);
  const kinds = [...totals.findings.keys()];
  const summary = [...totals.findings].map(([kind, count]) => [kind, String(count), meanings[kind]]);
  const remarks = audit.namespaces.flatMap(remarksOf);
  return [
    `${[summarize(totals), nameOf(audit)].filter((part) => part !== undefined).join('\n')}\n`,
    summary.length === 0 ? '' : printTable(['FINDING', 'COUNT', 'WHAT IT MEANS'], summary, width),
    printTable(
      headingsOf(kinds),
      audit.namespaces.map((namespace) => cellsOf(namespace, kinds)),
      width,
    ),
    remarks.map((remark) => (isWide ? `${remark}\n` : wrap(remark, WIDTH))).join(''),
    found.length === 0 ? '' : isWide ? printWide(found) : printNarrow(found),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** What is known of the cluster's name. */
export const nameOf = ({ cluster }: Audit) =>
  cluster && `Cluster ${printable(cluster.name ?? cluster.server)}`;

/** A sentence with the number of images, and of containers that have theirs by digest. */
export function summarize({ namespaces, pods, templates, distinct, images, pinned }: Totals): string {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const share =
    images === 0
      ? ''
      : `: ${pinned} of ${count(images, 'container')} by digest (${printPercent(pinned, images)})`;
  const places = [
    count(pods, 'pod'),
    ...(templates === 0 ? [] : [`${count(templates, 'template')} without pods`]),
  ];
  return `${count(distinct, 'image')} in ${places.join(' and ')} of ${count(namespaces, 'namespace')}${share}`;
}

/** The findings that have a column. Those of namespaces are remarks instead. */
const columnsOf = (kinds: readonly FindingKind[]) => kinds.filter((kind) => !namespaceKinds.has(kind));

const headingsOf = (kinds: readonly FindingKind[]) => [
  'NAMESPACE',
  'MODE',
  'PODS',
  'IMAGES',
  'PINNED',
  ...columnsOf(kinds).map((kind) => kind.toUpperCase()),
];

function cellsOf(namespace: AuditedNamespace, kinds: readonly FindingKind[]): string[] {
  const { name, mode, pods, distinct, images, pinned, counts } = namespace;
  return [
    name,
    mode ?? '-',
    String(pods),
    String(distinct),
    printPercent(pinned, images),
    ...columnsOf(kinds).map((kind) => String(counts[kind] ?? 0)),
  ];
}

/** What a namespace's findings and notes say, each once. */
export function remarksOf({ name, findings, notes }: AuditedNamespace): string[] {
  const messages = findings.map(({ message }) => message);
  return [...new Set([...messages, ...notes.map((note) => `namespace ${name}: ${note}`)])].map(printable);
}

const findingsIn = ({ findings }: AuditedImage) => {
  const kinds = findings.map(({ kind }) => kind);
  return findingKinds.filter((kind) => kinds.includes(kind)).join(',') || '-';
};

/** By its tag, if that is known: its digest stands beside it. */
const shownImage = ({ tagged, image }: AuditedImage) => shortenDigests(printable(tagged ?? image));

function printNarrow(images: readonly AuditedImage[]): string {
  const headings = ['NAMESPACE', 'WORKLOAD', 'IMAGE', 'RUNS', 'PODS', 'FINDINGS'];
  const rows = images.map((image) => [
    image.workload.namespace,
    printWorkload(image.workload),
    shownImage(image),
    image.runs === undefined ? '-' : hexOf(image.runs.digest),
    String(image.pods.length),
    findingsIn(image),
  ]);
  const [head = '', ...lines] = printTable(headings, rows, WIDTH).trimEnd().split('\n');
  const shown = images.map((image, index) => {
    const notes = shortenDigests(printable(notesOf(image)));
    return `${lines[index] ?? ''}\n${notes === '' ? '' : wrap(notes, WIDTH, '    ')}`;
  });
  // Containers of the same pods with the same image are alike.
  return `${head}\n${[...new Set(shown)].join('')}${WIDER}`;
}

const WIDER =
  '\n-o wide names containers and pods, and the reference to use instead; --fix prints manifests with it.\n';

/** The first 12 digits of a digest, which tell images apart. */
const hexOf = (digest: string) => digest.slice(digest.indexOf(':') + 1).slice(0, 12);

function printWide(images: readonly AuditedImage[]): string {
  const headings = [
    'NAMESPACE',
    'WORKLOAD',
    'CONTAINER',
    'IMAGE',
    'PODS',
    'RUNS',
    'FINDINGS',
    'USE INSTEAD',
    'NAMES',
    'NOTE',
  ];
  const rows = images.map((image) => [
    image.workload.namespace,
    printWorkload(image.workload),
    image.container,
    shownImage(image),
    String(image.pods.length),
    image.runs === undefined ? '-' : shortenDigests(image.runs.digest),
    findingsIn(image),
    image.use === undefined ? '-' : printable(image.use),
    image.pods.join(',') || '-',
    shortenDigests(printable(notesOf(image))),
  ]);
  return printTable(headings, rows);
}

/** What an image's findings say beyond their names, and its notes. */
export function notesOf({ findings, notes }: AuditedImage): string {
  const said = findings.filter(({ kind }) => !selfEvident.has(kind)).map(({ message }) => message);
  return [...said, ...notes].join('; ');
}

/** Findings whose name says everything. */
const selfEvident: ReadonlySet<FindingKind> = new Set<FindingKind>(['latest', 'unpinned', 'always']);
