import type { ImageUse } from './image-use.ts';

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
