import { pullIdentityOf } from '../credentials/pod-credentials.ts';
import type { PullIdentity } from '../credentials/pull-secrets.ts';
import { type Decided, decide, type Rules } from '../pin/decide.ts';
import type { NamespaceWorkload } from './workloads.ts';

/** An image, as some pods would pull it. */
export interface ImageUse {
  /** Where the first of them has it, and what `enforce` makes of it before a registry is asked. */
  decided: Decided;
  puller: PullIdentity;
  /** Who has it, without those whose controller is among them: a ReplicaSet's pods, a Deployment's ReplicaSets. */
  users: string[];
  /** Digests that are stored for it with revisions. */
  stored: string[];
  /** Whether nothing has it but what is kept to be rolled back to. */
  isIdle: boolean;
}

interface Group {
  decided: Decided;
  puller: PullIdentity;
  workloads: NamespaceWorkload[];
}

/** Each image once for all who would pull it alike, in the order in which they are given. */
export function imageUses(
  namespace: string,
  workloads: readonly NamespaceWorkload[],
  rules: Rules,
): ImageUse[] {
  const groups = new Map<string, Group>();
  for (const workload of workloads) {
    const puller = pullIdentityOf(namespace, workload.pod.spec);
    for (const decided of decide(workload.pod, rules)) {
      const key = JSON.stringify([decided.field.image, whyOf(decided), puller]);
      const group = groups.get(key) ?? { decided, puller, workloads: [] };
      if (group.workloads.at(-1) !== workload) group.workloads.push(workload);
      groups.set(key, group);
    }
  }
  return [...groups.values()].map(useOf);
}

/** An image that one pod leaves out is another matter where it isn't left out. */
const whyOf = ({ decision }: Decided) =>
  decision.action === 'leave' ? `leave ${decision.reason}` : decision.action;

function useOf({ decided, puller, workloads }: Group): ImageUse {
  const uids = new Set(workloads.map(({ uid }) => uid).filter((uid) => uid !== undefined));
  const users = workloads.filter(({ owner }) => owner === undefined || !uids.has(owner));
  const stored = workloads.flatMap(({ pins, isIdle }) => {
    const digest = isIdle ? undefined : pins?.get(decided.field.image);
    return digest ? [digest] : [];
  });
  return {
    decided,
    puller,
    users: users.map(({ kind, name }) => `${kind.toLowerCase()}/${name}`),
    stored: [...new Set(stored)],
    isIdle: workloads.every(({ isIdle }) => isIdle),
  };
}

/**
 * What `enforce` would do with an image: `pinned`, to a digest; `left`, as it is; `refused`. `unknown`: whoever runs
 * this may not read what it takes to tell.
 */
export type ImageCheck = ImageUse &
  (
    | { state: 'pinned'; digest: string; credential: string }
    | { state: 'left'; reason: string }
    | { state: 'refused'; message: string }
    | { state: 'unknown'; message: string }
  );

/** What is to be known beside the state; a condition is what has to be first for images to be pinned. */
export function notesOf(check: ImageCheck, condition: string | undefined): string[] {
  const { stored } = check;
  const others = check.state === 'pinned' ? stored.filter((digest) => digest !== check.digest) : stored;
  return [
    ...(check.state === 'pinned' && condition !== undefined ? [condition] : []),
    ...('message' in check ? [check.message] : []),
    ...(check.state === 'left' ? [reasons[check.reason] ?? check.reason] : []),
    ...(others.length > 0 ? [`until the next rollout its pods have ${others.join(' and ')}`] : []),
    ...(check.isIdle ? ['only for a rollback: nothing runs it now'] : []),
  ];
}

const reasons: Readonly<Record<string, string>> = {
  digest: 'by digest already',
  never: 'its pull policy is Never',
  skipped: 'skipped, by tagpin.dev/skip or the configuration',
};

/** Whether it wants mending before `enforce` is on: what nothing runs doesn't. */
export const isFinding = (check: ImageCheck) => check.state === 'refused' && !check.isIdle;
