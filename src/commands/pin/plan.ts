import type { Reference } from '../../image/reference.ts';
import { parseReference, pullReference } from '../../image/reference.ts';
import type { ManifestImage } from '../../manifest/images.ts';
import type { Lock, Written } from '../../manifest/lock.ts';

/** What a run is to do with an image, before a registry has been asked. */
export type Plan =
  | { action: 'leave'; reason: 'skipped' | 'digest' | 'never' | 'unchanged' | 'locked' }
  /** It isn't pinned, and only that is asked. */
  | { action: 'tell' }
  | { action: 'pin'; written: string; reference: Reference }
  | { action: 'restore'; written: string }
  | { action: 'fail'; label: string; message: string };

export interface Intent {
  mode: 'pin' | 'check' | 'unpin';
  lock: Lock;
  written: Written;
  /** Whether what the lock remembers of an image is to be resolved anew. */
  isUpdated: (image: string) => boolean;
}

export function planFor({ field, decision }: ManifestImage, intent: Intent): Plan {
  const { mode, lock, written, isUpdated } = intent;
  if (decision.action === 'leave' && decision.reason === 'digest') {
    const [image, ...others] = written.of(field.image);
    const isWanted = image !== undefined && (mode === 'unpin' || (mode === 'pin' && isUpdated(image)));
    if (!isWanted) return { action: 'leave', reason: 'digest' };
    if (others.length > 0)
      return { action: 'fail', label: 'ambiguous', message: ambiguous([image, ...others]) };
    return mode === 'unpin'
      ? { action: 'restore', written: image }
      : { action: 'pin', written: image, reference: parseReference(image) };
  }
  if (mode === 'unpin') return { action: 'leave', reason: 'unchanged' };
  switch (decision.action) {
    case 'leave':
      return { action: 'leave', reason: decision.reason };
    case 'refuse':
      return { action: 'fail', label: 'invalid_reference', message: decision.error.message };
    case 'remember':
    case 'resolve': {
      if (mode === 'pin') return { action: 'pin', written: field.image, reference: decision.reference };
      return lock.has(field.image) ? { action: 'leave', reason: 'locked' } : { action: 'tell' };
    }
  }
}

/** The image itself stands before it. */
const ambiguous = (images: readonly string[]) =>
  `it was ${images.join(' or ')}: the lock has its digest for each; write which it is`;

/** Which images `--update` means: all, or those of that name however it is spelt. */
export function updateOf(update: true | readonly string[] | undefined): (image: string) => boolean {
  if (update === undefined) return () => false;
  if (update === true) return () => true;
  const wanted = new Set(update.map((image) => pullReference(parseReference(image))));
  return (image) => wanted.has(pullReference(parseReference(image)));
}

/**
 * The plans for a manifest's images, where some share one text by an alias: what is left in one place and changed in
 * another can't be both.
 */
export function planAll(images: readonly ManifestImage[], intent: Intent): Plan[] {
  const plans = images.map((image) => planFor(image, intent));
  const sharing = Map.groupBy(images.keys(), (index) => images[index]?.span.start);
  for (const indexes of sharing.values()) {
    const left = indexes.find((index) => plans[index]?.action === 'leave');
    if (left === undefined || indexes.length === 1) continue;
    for (const index of indexes) {
      const { action } = plans[index] ?? {};
      if (action !== 'pin' && action !== 'restore') continue;
      const message = `it is an alias, and at ${images[left]?.path} the same image is to be left as it is; write it out in one of the places`;
      plans[index] = { action: 'fail', label: 'shared', message };
    }
  }
  return plans;
}
