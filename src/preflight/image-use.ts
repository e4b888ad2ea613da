import { pullIdentityOf } from '../credentials/pod-credentials.ts';
import type { PullIdentity } from '../credentials/pull-secrets.ts';
import { writtenImages } from '../pin/annotations.ts';
import { type Decided, decide, type Rules } from '../pin/decide.ts';
import type { NamespaceWorkload } from './workloads.ts';

/** An image that pods of a namespace pull with the same pull secrets. */
export interface ImageUse {
  /** Its first place, and the decision in `enforce` before a registry is asked. */
  decided: Decided;
  /** The image before it was pinned, by the annotation of its first pod; itself if there is none. */
  written: string;
  puller: PullIdentity;
  /** Its users, without those whose controller is one too: a ReplicaSet's pods, a Deployment's ReplicaSets. */
  users: string[];
  /** Digests that revisions store for it. */
  stored: string[];
  /** Whether only revisions without pods use it, which are kept for a rollback. */
  isIdle: boolean;
}

interface Group {
  decided: Decided;
  puller: PullIdentity;
  workloads: NamespaceWorkload[];
}

/** Each image once for all pods with the same pull secrets, in the order of the workloads. */
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

/** An image that is skipped in one pod and not in another counts as two. */
const whyOf = ({ decision }: Decided) =>
  decision.action === 'leave' ? `leave ${decision.reason}` : decision.action;

function useOf({ decided, puller, workloads }: Group): ImageUse {
  const [first] = workloads;
  const uids = new Set(workloads.map(({ uid }) => uid).filter((uid) => uid !== undefined));
  const users = workloads.filter(({ owner }) => owner === undefined || !uids.has(owner));
  const stored = workloads.flatMap(({ pins, isIdle }) => {
    const digest = isIdle ? undefined : pins?.get(decided.field.image);
    return digest ? [digest] : [];
  });
  return {
    decided,
    written: (first && writtenImages(first.pod).get(decided.field.name)) ?? decided.field.image,
    puller,
    users: users.map(({ kind, name }) => `${kind.toLowerCase()}/${name}`),
    stored: [...new Set(stored)],
    isIdle: workloads.every(({ isIdle }) => isIdle),
  };
}

/**
 * What `enforce` would do with an image: `pinned` to a digest, `left` as it is, or `refused`. `unknown`: the person may
 * not read what decides it.
 */
export type ImageCheck = ImageUse &
  (
    | { state: 'pinned'; digest: string; credential: string; pull: Pull | undefined }
    | { state: 'left'; reason: string }
    | { state: 'refused'; message: string }
    | { state: 'unknown'; message: string }
  );

/** What mirrors say of a digest: the node pulls it from the first of them that has it, or from the registry itself. */
export interface Pull {
  /** Whether any of them has it. */
  isPossible: boolean;
  /** Each mirror that doesn't, in a sentence. */
  notes: readonly string[];
}

/** Notes on the state. The condition is what has to happen before images are pinned. */
export function notesOf(check: ImageCheck, condition: string | undefined): string[] {
  const { stored } = check;
  const others = check.state === 'pinned' ? stored.filter((digest) => digest !== check.digest) : stored;
  return [
    ...(check.state === 'pinned' && condition !== undefined ? [condition] : []),
    ...('message' in check ? [check.message] : []),
    ...(check.state === 'pinned' ? (check.pull?.notes ?? []) : []),
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

/** Whether it has to be fixed before `enforce`: one that is refused, or that no node could pull. An image that nothing runs doesn't. */
export const isFinding = (check: ImageCheck) =>
  !check.isIdle &&
  (check.state === 'refused' || (check.state === 'pinned' && check.pull?.isPossible === false));
