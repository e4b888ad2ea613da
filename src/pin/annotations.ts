import { z } from 'zod';
import type { Digest } from '../image/digest.ts';
import { parseReference, repository } from '../image/reference.ts';
import { parseJson } from '../json.ts';
import type { Pod } from './pod.ts';

/** The annotation of a Pod that lists the containers and volumes to leave alone: `*` or names, comma-separated. */
export const SKIP = 'tagpin.dev/skip';
/** The annotation of a Pod with its images as written: JSON, container or volume name → image. */
export const IMAGES = 'tagpin.dev/images';

const imagesSchema = z.record(z.string(), z.string());

/** Container or volume name → image as written. */
export type WrittenImages = ReadonlyMap<string, string>;

/**
 * The images as written, from the pod's annotation; empty if the annotation is invalid. Anyone may edit an annotation, so
 * each image has to be verified with {@link digestPinnedFrom}.
 */
export function writtenImages(pod: Pod): WrittenImages {
  const annotation = pod.metadata.annotations?.[IMAGES];
  if (annotation === undefined) return new Map();
  const images = imagesSchema.safeParse(parseJson(annotation));
  return new Map(images.success ? Object.entries(images.data) : []);
}

/**
 * The annotation's value for `images`, sorted by name so that equal content is equal text. It isn't made from an object, in
 * which numeric names would come first, because a MutatingAdmissionPolicy writes the same text.
 */
export function printWrittenImages(images: WrittenImages): string {
  const entries = [...images].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, image]) => `${JSON.stringify(name)}:${JSON.stringify(image)}`).join(',')}}`;
}

/** The container and volume names that the pod asks to leave alone; `*` means all. */
export function skippedNames(pod: Pod): ReadonlySet<string> {
  const annotation = pod.metadata.annotations?.[SKIP] ?? '';
  return new Set(
    annotation
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
}

/**
 * The digest of `image`, if it may have been pinned from `written`: it has a digest and is in the same repository. That is
 * as far as an annotation is trusted.
 */
export function digestPinnedFrom(image: string, written: string): Digest | undefined {
  try {
    const reference = parseReference(image);
    return repository(reference) === repository(parseReference(written)) ? reference.digest : undefined;
  } catch {
    return undefined;
  }
}
