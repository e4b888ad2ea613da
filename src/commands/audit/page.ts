import { type Audit, type AuditedNamespace, percent, printPercent, totalsOf } from '../../fleet/audit.ts';
import type { AuditedImage } from '../../fleet/audited-image.ts';
import { type FindingKind, findingKinds, meanings, namespaceKinds } from '../../fleet/finding.ts';
import { countOf } from '../../fleet/fleet.ts';
import { printWorkload } from '../../fleet/workload.ts';
import type { Bars, Tone } from '../../report/bars.ts';
import { type Cell, type PageTable, printPage } from '../../report/page.ts';
import { notesOf, remarksOf, summarize } from './table.ts';

const tones: Readonly<Record<FindingKind, Tone>> = {
  invalid: 'bad',
  gone: 'bad',
  mixed: 'bad',
  label: 'bad',
  ineffective: 'bad',
  latest: 'bad',
  drift: 'warning',
  unpinned: 'warning',
  always: 'unknown',
};

/** The audit for a browser: figures, charts, and tables to sort and to filter. */
export function printAuditPage(audit: Audit): string {
  const totals = totalsOf(audit);
  const { images, pinned, findings } = totals;
  const share = percent(pinned, images);
  return printPage({
    title:
      audit.cluster?.name === undefined ? 'Images of the cluster' : `Images of cluster ${audit.cluster.name}`,
    subtitle: `${summarize(totals)}. ${audit.cluster === undefined ? '' : `API server ${audit.cluster.server}. `}tagpin audit, ${audit.at.toISOString().replace(/\.\d+Z$/, 'Z')}`,
    warnings: audit.problems.map(
      ({ message, images }) => message + (images === undefined ? '' : ` (containers: ${images})`),
    ),
    figures: [
      { value: printPercent(pinned, images), label: 'by digest', tone: share === 100 ? 'good' : 'warning' },
      ...[...findings].map(([kind, count]) => ({ value: String(count), label: kind, tone: tones[kind] })),
    ],
    meanings: {
      title: 'What the findings mean',
      entries: [...findings.keys()].map((kind) => ({ term: kind, tone: tones[kind], text: meanings[kind] })),
    },
    pictures: [sharePicture(audit), driftPicture(audit)],
    tables: [namespaceTable(audit), imageTable(audit)],
  });
}

/** More bars would be harder to read. */
const MOST_BARS = 25;

function picture(
  audit: Audit,
  about: Pick<Bars, 'title' | 'parts'>,
  rowOf: (namespace: AuditedNamespace) => Bars['rows'][number] & { rank: number },
): Bars {
  const rows = audit.namespaces.filter(({ images }) => images > 0).map(rowOf);
  const worstFirst = rows.toSorted((a, b) => a.rank - b.rank);
  return { ...about, rows: worstFirst.slice(0, MOST_BARS), total: rows.length };
}

/** Each namespace's share of pinned images. */
function sharePicture(audit: Audit): Bars {
  const parts = [
    { name: 'by digest', tone: 'good' as const },
    { name: 'by tag', tone: 'warning' as const },
    { name: 'by latest or no tag', tone: 'bad' as const },
  ];
  const latest = countImages(audit, ({ findings }) => findings.some(({ kind }) => kind === 'latest'));
  return picture(audit, { title: 'Share pinned, by namespace', parts }, ({ name, images, pinned }) => {
    const floating = latest.get(name) ?? 0;
    return {
      label: name,
      values: [pinned, Math.max(images - pinned - floating, 0), floating],
      note: `${printPercent(pinned, images)} of ${images}`,
      rank: pinned / images,
    };
  });
}

/** Each namespace's share of images that run another digest than their tag has now. */
function driftPicture(audit: Audit): Bars {
  const parts = [
    { name: 'what the tag has', tone: 'good' as const },
    { name: 'the tag has moved', tone: 'warning' as const },
    { name: 'not known', tone: 'unknown' as const },
  ];
  const moved = countImages(audit, ({ drift }) => drift !== undefined);
  const current = countImages(
    audit,
    ({ drift, tag, runs }) => drift === undefined && tag !== undefined && runs !== undefined,
  );
  return picture(audit, { title: 'Drift, by namespace', parts }, ({ name, images }) => {
    const [same, drifted] = [current.get(name) ?? 0, moved.get(name) ?? 0];
    return {
      label: name,
      values: [same, drifted, Math.max(images - same - drifted, 0)],
      note: drifted === 0 ? 'none moved' : `${drifted} moved`,
      rank: -drifted / images,
    };
  });
}

/** The number of matching images, by namespace. */
function countImages({ images }: Audit, isSo: (image: AuditedImage) => boolean): Map<string, number> {
  const counts = new Map<string, number>();
  for (const image of images.filter(isSo)) {
    const { namespace } = image.workload;
    counts.set(namespace, (counts.get(namespace) ?? 0) + countOf(image));
  }
  return counts;
}

function namespaceTable({ namespaces }: Audit): PageTable {
  const kinds = findingKinds.filter((kind) => !namespaceKinds.has(kind));
  return {
    title: 'Namespaces',
    headings: ['Namespace', 'Mode', 'Pods', 'Images', 'Pinned', ...kinds, 'Note'],
    choices: [],
    rows: namespaces.map((namespace) => {
      const { name, mode, pods, distinct, images, pinned, counts } = namespace;
      const cells = [
        { text: name },
        { text: mode ?? '-' },
        number(pods),
        number(distinct),
        { text: printPercent(pinned, images), sort: percent(pinned, images) ?? -1 },
        ...kinds.map((kind) => number(counts[kind] ?? 0)),
        { text: remarksOf(namespace).join('; ') },
      ];
      return { cells, choices: [] };
    }),
  };
}

const number = (value: number): Cell => ({ text: String(value), sort: value });

function imageTable({ images }: Audit): PageTable {
  const present = findingKinds.filter((kind) =>
    images.some(({ findings }) => findings.some((finding) => finding.kind === kind)),
  );
  return {
    title: 'Images',
    headings: [
      'Namespace',
      'Workload',
      'Container',
      'Image',
      'Pods',
      'Runs',
      'Findings',
      'Use instead',
      'Note',
    ],
    choices: present,
    rows: images.map((image) => {
      const { workload, container, pods, runs, findings, use } = image;
      const badges = findings.map(({ kind }) => ({ text: kind, tone: tones[kind], hint: meanings[kind] }));
      return {
        choices: findings.map(({ kind }) => kind),
        cells: [
          { text: workload.namespace },
          { text: printWorkload(workload) },
          { text: container },
          { reference: image.tagged ?? image.image },
          number(pods.length),
          runs === undefined ? { text: '-' } : { reference: runs.digest },
          { badges },
          use === undefined ? { text: '-' } : { reference: use },
          { text: notesOf(image) },
        ],
      };
    }),
  };
}
