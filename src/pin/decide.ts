import type { Digest } from '../image/digest.ts';
import { InvalidReference, parseReference, type Reference } from '../image/reference.ts';
import { digestPinnedFrom, skippedNames, writtenImages } from './annotations.ts';
import type { Pod } from './pod.ts';
import { isSkipped } from './skip-patterns.ts';
import { type ImageField, walk } from './walk.ts';

/** What to do with one image, before any registry is asked. */
export type Decision =
  | { action: 'leave'; reason: 'unchanged' | 'skipped' | 'digest' | 'never' }
  | { action: 'refuse'; error: InvalidReference }
  | { action: 'remember'; reference: Reference; digest: Digest }
  | { action: 'resolve'; reference: Reference };

export interface Rules {
  /** Globs of images to leave alone: see {@link isSkipped}. */
  skip: readonly string[];
  /** Whether the pod's own `tagpin.dev/skip` counts. */
  honourSkipAnnotation: boolean;
}

/** An image of a pod, and what to do with it. */
export interface Decided {
  field: ImageField;
  decision: Decision;
}

/**
 * Decides what to do with each image of `pod`; on UPDATE, `oldPod` is the pod before it.
 *
 * An image that an UPDATE doesn't change is left first of all: a pod older than the opt-in must stay patchable, whatever
 * its images are. Then, in this order: skipped, by digest, never pulled, invalid, changed back to the tag that the pod was
 * pinned from, to be resolved.
 */
export function decide(pod: Pod, rules: Rules, oldPod?: Pod): Decided[] {
  const skipped = rules.honourSkipAnnotation ? skippedNames(pod) : new Set<string>();
  const previous = oldPod === undefined ? undefined : previousImages(oldPod);
  return walk(pod.spec).map((field) => ({
    field,
    decision: decideField(field, rules.skip, skipped, previous),
  }));
}

/** Whether an UPDATE changes no image. It parses none: there may be any number. */
export function leavesImages(pod: Pod, oldPod: Pod | undefined): boolean {
  if (oldPod === undefined) return false;
  const previous = previousImages(oldPod);
  return walk(pod.spec).every((field) => previous.get(field)?.image === field.image);
}

function decideField(
  field: ImageField,
  patterns: readonly string[],
  skipped: ReadonlySet<string>,
  previous: PreviousImages | undefined,
): Decision {
  const before = previous?.get(field);
  if (before?.image === field.image) return { action: 'leave', reason: 'unchanged' };
  if (skipped.has('*') || skipped.has(field.name)) return { action: 'leave', reason: 'skipped' };
  // An UPDATE can't change the policy, so the pod's current one counts.
  const never = (before?.pullPolicy ?? field.pullPolicy) === 'Never';
  const reference = tryParse(field.image);
  if (reference instanceof InvalidReference) {
    return never ? { action: 'leave', reason: 'never' } : { action: 'refuse', error: reference };
  }
  if (isSkipped(reference, patterns)) return { action: 'leave', reason: 'skipped' };
  if (reference.digest !== undefined) return { action: 'leave', reason: 'digest' };
  if (never) return { action: 'leave', reason: 'never' };
  const digest = before?.digestOf(field.image);
  return digest === undefined ? { action: 'resolve', reference } : { action: 'remember', reference, digest };
}

function tryParse(image: string): Reference | InvalidReference {
  try {
    return parseReference(image);
  } catch (error) {
    if (error instanceof InvalidReference) return error;
    throw error;
  }
}

interface PreviousImage {
  image: string;
  pullPolicy: string | undefined;
  /** The container's digest, if it was pinned from `written`. */
  digestOf(written: string): Digest | undefined;
}

interface PreviousImages {
  get(field: ImageField): PreviousImage | undefined;
}

/**
 * The images of the pod before the update. Anyone who may edit the pod may edit its annotation, so the digest is taken
 * from the image that the pod had, and only if it is in the same repository.
 */
function previousImages(oldPod: Pod): PreviousImages {
  const written = writtenImages(oldPod);
  const key = ({ place, name }: ImageField) => `${place} ${name}`;
  const fields = new Map(walk(oldPod.spec).map((field) => [key(field), field]));
  return {
    get(field) {
      const old = fields.get(key(field));
      if (old === undefined) return undefined;
      return {
        image: old.image,
        pullPolicy: old.pullPolicy,
        digestOf: (image) =>
          written.get(old.name) === image ? digestPinnedFrom(old.image, image) : undefined,
      };
    },
  };
}
