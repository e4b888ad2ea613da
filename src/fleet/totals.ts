import type { Audit } from './audit.ts';
import { type FindingKind, findingKinds } from './finding.ts';

/** An audit in figures. Images are counted by pod: each place of each pod, and of each template that has none. */
export interface Totals {
  namespaces: number;
  pods: number;
  templates: number;
  images: number;
  pinned: number;
  /** Only what was found. */
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
    images: sum(({ images }) => images),
    pinned: sum(({ pinned }) => pinned),
    findings: new Map(counted.filter(([, count]) => count > 0)),
  };
}

/** A share in whole percents; 100 only if it is all, and 0 only if it is none. */
export function percent(part: number, whole: number): number | undefined {
  if (whole === 0) return undefined;
  if (part === 0 || part === whole) return (part / whole) * 100;
  return Math.min(99, Math.max(1, Math.round((part / whole) * 100)));
}

export const printPercent = (part: number, whole: number) => {
  const share = percent(part, whole);
  return share === undefined ? '-' : `${share}%`;
};
