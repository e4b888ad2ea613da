import type { Digest } from '../../image/digest.ts';
import { parseReference, pinned, pullReference, type Reference } from '../../image/reference.ts';
import { findInDockerfile, isDockerfile } from '../../manifest/dockerfile/images.ts';
import type { Manifest, Mistake } from '../../manifest/document.ts';
import { type FindOptions, findImages, type ManifestImage } from '../../manifest/images.ts';
import type { Lock, Written } from '../../manifest/lock.ts';
import type { DigestSpan } from '../../manifest/parts.ts';
import { type Edit, insertAfter, Overlap, removePair, replaceScalar, splice } from '../../manifest/splice.ts';
import type { PassedBy } from '../../manifest/unknown-kinds.ts';
import type { Digests } from './digests.ts';
import type { Source } from './sources.ts';

/** What to do with an image, before a registry is asked. */
export type Plan =
  | { action: 'leave'; reason: 'skipped' | 'digest' | 'never' | 'unchanged' | 'locked' }
  /** Report that it isn't pinned, for `--check`. */
  | { action: 'tell' }
  | { action: 'pin'; written: string; reference: Reference }
  | { action: 'restore'; written: string }
  | { action: 'fail'; label: string; message: string };

export interface Intent {
  mode: 'pin' | 'check' | 'unpin';
  lock: Lock;
  written: Written;
  /** Whether an image is resolved again although the lock has it. */
  isUpdated: (image: string) => boolean;
}

export function planFor({ field, decision }: ManifestImage, intent: Intent): Plan {
  const { mode, lock, isUpdated } = intent;
  if (decision.action === 'leave' && decision.reason === 'digest') {
    const [image, ...others] = writtenFor(field.image, intent);
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

/** The images as written that an image by digest may come from. Its own tag counts whatever its digest, if the lock has it. */
function writtenFor(image: string, { written, lock }: Intent): readonly string[] {
  const known = written.of(image);
  const [tagged = ''] = image.split('@');
  return known.length === 0 && lock.has(tagged) && parseReference(tagged).tag !== undefined
    ? [tagged]
    : known;
}

/** The message comes after the image's name. */
const ambiguous = (images: readonly string[]) =>
  `it was ${images.join(' or ')}: the lock has its digest for each; write which it is`;

/** The images that `--update` selects: all, or those with the same reference in any spelling. */
export function updateOf(update: true | readonly string[] | undefined): (image: string) => boolean {
  if (update === undefined) return () => false;
  if (update === true) return () => true;
  const wanted = new Set(update.map((image) => pullReference(parseReference(image))));
  return (image) => wanted.has(pullReference(parseReference(image)));
}

/**
 * The plans for a manifest's images. Images that share one text by an alias can't be left in one place and changed in
 * another.
 */
export function planAll(images: readonly ManifestImage[], intent: Intent): Plan[] {
  const plans = images.map((image): Plan => {
    const plan = planFor(image, intent);
    const isWritten = plan.action === 'pin' || plan.action === 'restore';
    return image.obstacle !== undefined && isWritten
      ? { action: 'fail', label: 'not_writable', message: image.obstacle }
      : plan;
  });
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

/** The result for one image. */
export type PinOutcome =
  | { result: 'left'; reason: string }
  | { result: 'unpinned' }
  | { result: 'pinned'; image: string; digest: Digest; from: 'lock' | 'registry' }
  | { result: 'restored'; image: string }
  | { result: 'failed'; label: string; message: string };

/** A manifest with the images found in it, before registries are asked. */
export interface OpenedFile {
  source: Source;
  text: string;
  /** The number of documents. */
  documents: number;
  images: readonly ManifestImage[];
  plans: readonly Plan[];
  /** Why it can't be pinned. */
  mistakes: readonly (Mistake | { message: string })[];
  /** What is read otherwise than it may be meant. */
  warnings: readonly Mistake[];
  /** What looks like images in kinds that aren't known. */
  passedBy: readonly PassedBy[];
}

export interface PinnedImage {
  image: ManifestImage;
  outcome: PinOutcome;
}

/** A manifest with the results. */
export interface PinnedFile extends Omit<OpenedFile, 'images' | 'plans'> {
  images: readonly PinnedImage[];
  /** The pinned text; undefined if any of its images can't be pinned. */
  after: string | undefined;
}

/** Finds and plans the images of a manifest: those of documents without mistakes. */
export function openFile(
  source: Source,
  manifest: Manifest,
  options: FindOptions,
  intent: Intent,
): OpenedFile {
  const common = { source, text: manifest.text, documents: manifest.documents.length };
  const found = isDockerfile(source.name)
    ? findInDockerfile(manifest, options)
    : findImages(manifest, options, source.name);
  return { ...common, ...found, plans: planAll(found.images, intent) };
}

export interface Style {
  keepTag: boolean;
  /** Whether pinned images get the pull policy IfNotPresent. */
  pullPolicy: boolean;
}

/** Carries out the plans for a manifest. Never rejects. */
export async function pinFile(file: OpenedFile, digests: Digests, style: Style): Promise<PinnedFile> {
  const images = await Promise.all(
    file.images.map(async (image, index): Promise<PinnedImage> => {
      const plan = file.plans[index] ?? { action: 'leave', reason: 'unchanged' };
      // Where only the end of an image is written, its tag can't be dropped.
      const keepTag = style.keepTag || Boolean(image.prefix);
      return { image, outcome: await outcomeOf(plan, digests, { ...style, keepTag }) };
    }),
  );
  const isDone = file.mistakes.length === 0 && images.every(({ outcome }) => outcome.result !== 'failed');
  const common = { ...file, images };
  if (!isDone) return { ...common, after: undefined };
  try {
    return { ...common, after: splice(file.text, images.flatMap(editsOf(file.text, style))) };
  } catch (error) {
    if (!(error instanceof Overlap)) throw error;
    const message = 'an alias is to become different things in different places; write it out in each';
    return { ...common, mistakes: [{ message }], after: undefined };
  }
}

async function outcomeOf(plan: Plan, digests: Digests, { keepTag }: Style): Promise<PinOutcome> {
  switch (plan.action) {
    case 'leave':
      return { result: 'left', reason: plan.reason };
    case 'tell':
      return { result: 'unpinned' };
    case 'restore':
      return { result: 'restored', image: plan.written };
    case 'fail':
      return { result: 'failed', label: plan.label, message: plan.message };
    case 'pin': {
      const answer = await digests.of(plan.written, plan.reference);
      if (!('digest' in answer)) return { result: 'failed', ...answer };
      const image = pinned(plan.reference, answer.digest, { keepTag });
      return { result: 'pinned', image, digest: answer.digest, from: answer.from };
    }
  }
}

const editsOf =
  (text: string, { pullPolicy }: Style) =>
  ({ image: { span, policy, digest, prefix = '' }, outcome }: PinnedImage): Edit[] => {
    if (outcome.result !== 'pinned' && outcome.result !== 'restored') return [];
    if (digest !== undefined) return [digestEdit(text, digest, outcome)].flat();
    const image = replaceScalar(text, span, outcome.image.slice(prefix.length));
    if (!pullPolicy || outcome.result === 'restored' || policy === undefined) return [image];
    if (!policy.isThere) return [image, insertAfter(text, policy.after, policy.key, POLICY)];
    return policy.span.value === POLICY ? [image] : [image, replaceScalar(text, policy.span, POLICY)];
  };

/** Writes a digest that is a field of its own, or removes it. */
function digestEdit(text: string, there: DigestSpan, outcome: PinOutcome): Edit | [] {
  if (outcome.result !== 'pinned') return there.isThere ? removePair(text, there.pair) : [];
  const { digest } = outcome;
  return there.isThere
    ? replaceScalar(text, there.span, digest)
    : insertAfter(text, there.after, 'digest', digest);
}

/** A digest can't change, so the node's copy is what the registry would send. */
const POLICY = 'IfNotPresent';
