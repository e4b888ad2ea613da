import { pinned } from '../../image/reference.ts';
import type { Manifest, Mistake } from '../../manifest/document.ts';
import { type FindOptions, findImages, type ManifestImage } from '../../manifest/images.ts';
import { type Edit, insertAfter, Overlap, replaceScalar, splice } from '../../manifest/splice.ts';
import type { Digests } from './digests.ts';
import { type Intent, type Plan, planAll } from './plan.ts';
import type { Source } from './sources.ts';

/** What became of one image. */
export type Outcome =
  | { result: 'left'; reason: string }
  | { result: 'unpinned' }
  | { result: 'pinned'; image: string; from: 'lock' | 'registry' }
  | { result: 'restored'; image: string }
  | { result: 'failed'; label: string; message: string };

/** A manifest with the images found in it, before registries are asked. */
export interface OpenedFile {
  source: Source;
  text: string;
  /** How many it has. */
  documents: number;
  images: readonly ManifestImage[];
  plans: readonly Plan[];
  /** Why it can't be done as a whole. */
  mistakes: readonly (Mistake | { message: string })[];
}

export interface PinnedImage {
  image: ManifestImage;
  outcome: Outcome;
}

/** A manifest with what became of it. */
export interface PinnedFile extends Omit<OpenedFile, 'images' | 'plans'> {
  images: readonly PinnedImage[];
  /** As it is with its images pinned; undefined if some of them can't be: a manifest is done whole or not at all. */
  after: string | undefined;
}

/** Finds the images of a manifest. One with mistakes is left as it is, and so nothing is planned for its images. */
export function openFile(
  source: Source,
  manifest: Manifest,
  options: FindOptions,
  intent: Intent,
): OpenedFile {
  const common = { source, text: manifest.text, documents: manifest.documents.length };
  if (manifest.mistakes.length > 0) {
    return { ...common, images: [], plans: [], mistakes: manifest.mistakes };
  }
  const { images, mistakes } = findImages(manifest, options);
  return { ...common, images, plans: planAll(images, intent), mistakes };
}

export interface Style {
  keepTag: boolean;
  /** Whether what is pinned gets the pull policy IfNotPresent. */
  pullPolicy: boolean;
}

/** Brings the plans for a manifest to their outcome. Never rejects. */
export async function pinFile(file: OpenedFile, digests: Digests, style: Style): Promise<PinnedFile> {
  const images = await Promise.all(
    file.images.map(async (image, index): Promise<PinnedImage> => {
      const plan = file.plans[index] ?? { action: 'leave', reason: 'unchanged' };
      return { image, outcome: await outcomeOf(plan, digests, style) };
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

async function outcomeOf(plan: Plan, digests: Digests, { keepTag }: Style): Promise<Outcome> {
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
      return { result: 'pinned', image, from: answer.from };
    }
  }
}

const editsOf =
  (text: string, { pullPolicy }: Style) =>
  ({ image: { span, policy }, outcome }: PinnedImage): Edit[] => {
    if (outcome.result !== 'pinned' && outcome.result !== 'restored') return [];
    const image = replaceScalar(text, span, outcome.image);
    if (!pullPolicy || outcome.result === 'restored' || policy === undefined) return [image];
    if (!policy.isThere) return [image, insertAfter(text, policy.after, policy.key, POLICY)];
    return policy.span.value === POLICY ? [image] : [image, replaceScalar(text, policy.span, POLICY)];
  };

/** What a digest needs: it can't change, so what a node has of it is what a registry would give. */
const POLICY = 'IfNotPresent';
