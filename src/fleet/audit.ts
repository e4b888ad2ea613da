import { type Mode, OPT_IN_LABEL } from '../pin/opt-in.ts';
import type { AuditedImage } from './audited-image.ts';
import { effectOf } from './effect.ts';
import { type Finding, type FindingKind, findingKinds } from './finding.ts';
import { countOf, type Fleet } from './fleet.ts';
import { printWorkload } from './workload.ts';

/** The audit's figures and findings for a namespace. */
export interface AuditedNamespace {
  name: string;
  /** The mode in which its pods are pinned, by the webhook configurations; undefined if they aren't, or if that isn't known. */
  mode: Mode | undefined;
  /** The value of its label; undefined without one, and if it couldn't be read. */
  label: string | undefined;
  pods: number;
  /** Workloads without pods. */
  templates: number;
  /** Different images, as they were written. */
  distinct: number;
  /** Containers of those pods and templates, each with its image, and how many of them have it by digest. */
  images: number;
  pinned: number;
  /** Containers whose image has each finding. */
  counts: Readonly<Partial<Record<FindingKind, number>>>;
  findings: readonly Finding[];
  notes: readonly string[];
}

/** Something that makes the audit incomplete. */
export interface Problem {
  message: string;
  /** The number of containers whose image it affects; undefined if that isn't known. */
  images: number | undefined;
}

/** Which cluster was looked at. */
export interface ClusterName {
  /** In the kubeconfig; undefined in a pod. */
  name: string | undefined;
  /** The API server's address. */
  server: string;
}

export interface Audit {
  /** The time of the audit. */
  at: Date;
  cluster: ClusterName | undefined;
  namespaces: readonly AuditedNamespace[];
  images: readonly AuditedImage[];
  problems: readonly Problem[];
}

/** The figures of each namespace. */
export function auditNamespaces(fleet: Fleet, images: readonly AuditedImage[]): AuditedNamespace[] {
  const byNamespace = Map.groupBy(images, ({ workload }) => workload.namespace);
  return fleet.namespaces.map((name) => {
    const own = byNamespace.get(name) ?? [];
    const labels = fleet.labels.get(name) ?? {};
    const { mode, findings, notes } = effectOf(
      name,
      labels,
      fleet.selection,
      new Set(own.map(({ mode }) => mode)),
    );
    const counts: Partial<Record<FindingKind, number>> = {};
    for (const image of own) {
      for (const { kind } of image.findings) counts[kind] = (counts[kind] ?? 0) + countOf(image);
    }
    const templates = own
      .filter(({ pods }) => pods.length === 0)
      .map(({ workload }) => printWorkload(workload));
    return {
      name,
      mode,
      label: labels[OPT_IN_LABEL],
      pods: fleet.podsIn(name),
      templates: new Set(templates).size,
      distinct: new Set(own.map(({ tagged, image }) => tagged ?? image)).size,
      images: total(own),
      pinned: total(own.filter(({ runs }) => runs?.from === 'spec')),
      counts,
      findings,
      notes,
    };
  });
}

const total = (images: readonly AuditedImage[]) => images.reduce((sum, image) => sum + countOf(image), 0);

/**
 * The figures of an audit. `distinct` counts each image once for a namespace, as it was written, and so do `adopt` and
 * `preflight`; the others count each place in each pod, and in each template without pods.
 */
export interface Totals {
  namespaces: number;
  pods: number;
  templates: number;
  distinct: number;
  images: number;
  pinned: number;
  /** Only findings that occurred. */
  findings: ReadonlyMap<FindingKind, number>;
}

export function totalsOf({ namespaces }: Pick<Audit, 'namespaces'>): Totals {
  const sum = (of: (namespace: Audit['namespaces'][number]) => number) =>
    namespaces.reduce((total, namespace) => total + of(namespace), 0);
  const counted = findingKinds.map((kind): [FindingKind, number] => [
    kind,
    sum(
      ({ counts, findings }) =>
        (counts[kind] ?? 0) + findings.filter((finding) => finding.kind === kind).length,
    ),
  ]);
  return {
    namespaces: namespaces.length,
    pods: sum(({ pods }) => pods),
    templates: sum(({ templates }) => templates),
    distinct: sum(({ distinct }) => distinct),
    images: sum(({ images }) => images),
    pinned: sum(({ pinned }) => pinned),
    findings: new Map(counted.filter(([, count]) => count > 0)),
  };
}

/** A share in whole percent, which is 100 only for all and 0 only for none. */
export function percent(part: number, whole: number): number | undefined {
  if (whole === 0) return undefined;
  if (part === 0 || part === whole) return (part / whole) * 100;
  return Math.min(99, Math.max(1, Math.round((part / whole) * 100)));
}

export const printPercent = (part: number, whole: number) => {
  const share = percent(part, whole);
  return share === undefined ? '-' : `${share}%`;
};
