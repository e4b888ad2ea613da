import { SKIP } from './annotations.ts';
import type { Pod } from './pod.ts';
import { countImages } from './walk.ts';

/** A part of a pod, or of a pod template, whose size its author chooses. */
interface Limit {
  readonly field: string;
  readonly count: (pod: Pod) => number;
  readonly limit: number;
}

/**
 * What tagpin takes of one pod, each far above real use. It is counted before anything is asked of a registry or of the
 * API server: a dry run of a pod passes no quota, and nobody has validated the pod yet. `docs/security.md` has the table.
 */
export const limits: readonly Limit[] = [
  { field: 'images', limit: 500, count: ({ spec }) => countImages(spec) },
  { field: 'imagePullSecrets', limit: 100, count: ({ spec }) => spec.imagePullSecrets?.length ?? 0 },
  { field: 'volumes', limit: 1_000, count: ({ spec }) => spec.volumes?.length ?? 0 },
  { field: 'labels', limit: 500, count: ({ metadata }) => sizeOf(metadata.labels) },
  { field: 'annotations', limit: 1_000, count: ({ metadata }) => sizeOf(metadata.annotations) },
  { field: 'ownerReferences', limit: 100, count: ({ metadata }) => metadata.ownerReferences?.length ?? 0 },
  { field: `names in ${SKIP}`, limit: 1_000, count: ({ metadata }) => listed(metadata.annotations?.[SKIP]) },
];

/** What a pod has too many of, in a sentence; undefined if it keeps all limits. */
export function excessOf(pod: Pod): string | undefined {
  for (const { field, limit, count } of limits) {
    const size = count(pod);
    if (size > limit)
      return `it has ${size} ${field}, and tagpin takes at most ${limit}; remove some of them`;
  }
  return undefined;
}

const listed = (names: string | undefined) => (names === undefined ? 0 : names.split(',').length);

const sizeOf = (map: Readonly<Record<string, string>> | null | undefined) => Object.keys(map ?? {}).length;
