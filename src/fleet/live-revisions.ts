/** What a workload says of its revisions. */
export interface WorkloadFacts {
  /** How many old revisions it keeps; undefined for the default. */
  historyLimit: number | undefined;
  /** The names of the revisions that pods are created from; none where the kind of workload doesn't say. */
  current: readonly string[];
}

export interface RevisionFacts {
  name: string;
  /** Higher in later revisions. */
  number: number;
  hasPods: boolean;
}

/** The API server's default for a Deployment (kubernetes pkg/apis/apps/v1/defaults.go). */
const HISTORY_LIMIT = 10;

/**
 * The ReplicaSets of a Deployment that can still create pods: its newest, even if it is scaled to zero, those with pods, and
 * those that it can be rolled back to, of which it keeps a number (kubernetes pkg/controller/deployment/sync.go,
 * `cleanupDeployment`).
 */
export function liveReplicaSets<R extends RevisionFacts>(
  revisions: readonly R[],
  { historyLimit = HISTORY_LIMIT }: WorkloadFacts,
): R[] {
  const [newest, ...older] = newestFirst(revisions);
  const idle = older.filter(({ hasPods }) => !hasPods);
  return [
    ...(newest === undefined ? [] : [newest]),
    ...older.filter(({ hasPods }) => hasPods),
    ...idle.slice(0, historyLimit),
  ];
}

/**
 * The ControllerRevisions that pods are created from without a rollback: a StatefulSet names the one of its pods and the one
 * that it updates them to; a DaemonSet creates pods from the newest.
 */
export function liveControllerRevisions<R extends RevisionFacts>(
  revisions: readonly R[],
  { current }: WorkloadFacts,
): R[] {
  const [newest] = newestFirst(revisions);
  return revisions.filter((revision) => revision === newest || current.includes(revision.name));
}

const newestFirst = <R extends RevisionFacts>(revisions: readonly R[]) =>
  revisions.toSorted((a, b) => b.number - a.number);
