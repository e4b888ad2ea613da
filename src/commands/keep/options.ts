import type { ClusterAccess } from '../../access/cluster.ts';

export const keepFormats = ['list', 'json', 'ecrm', 'skip-shas', 'acr'] as const;
export type KeepFormat = (typeof keepFormats)[number];

export interface KeepOptions extends ClusterAccess {
  /** All if none is named. */
  namespace?: readonly string[];
  allNamespaces?: boolean;
  output?: KeepFormat;
  /** Whether older revisions count too. */
  history?: boolean;
  /** Globs of registries or repositories. */
  registry?: readonly string[];
  hold?: boolean;
  /** The cluster's name in tags. */
  cluster?: string;
  tagEach?: boolean;
  /** Repositories of which perhaps nothing is in use any more. */
  release?: readonly string[];
  touch?: boolean;
  dryRun?: boolean;
  /** Repositories at a time. */
  concurrency?: number;
}
