import { z } from 'zod';
import type { Digest } from '../image/digest.ts';
import { parseReference, repository } from '../image/reference.ts';
import { parseJson } from '../json.ts';
import type { Pod } from './pod.ts';

/** On a Pod: which containers and volumes are left alone; `*` or names, comma-separated. */
export const SKIP = 'tagpin.dev/skip';
/** On a Pod: what was written before pinning; JSON, container or volume name → image. */
export const IMAGES = 'tagpin.dev/images';

const imagesSchema = z.record(z.string(), z.string());

/** Container or volume name → image as written. */
export type WrittenImages = ReadonlyMap<string, string>;

/**
 * What the pod remembers as written. The annotation is anyone's to edit, so one that can't be read remembers
 * nothing, and nothing that it says is believed without a look at the pod itself.
 */
export function writtenImages(pod: Pod): WrittenImages {
  const annotation = pod.metadata.annotations?.[IMAGES];
  if (annotation === undefined) return new Map();
  const images = imagesSchema.safeParse(parseJson(annotation));
  return new Map(images.success ? Object.entries(images.data) : []);
}

/**
 * The annotation's text for `images`, sorted by name so that equal content reads equal. Not by way of an object, in
 * which names that are numbers would come first: a MutatingAdmissionPolicy has to write the same text.
 */
export function printWrittenImages(images: WrittenImages): string {
  const entries = [...images].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, image]) => `${JSON.stringify(name)}:${JSON.stringify(image)}`).join(',')}}`;
}

/** The names that the pod asks to leave alone; `*` stands for all of them. */
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
 * The digest of an image that may have been pinned from what was written: undefined unless it is by digest and of the
 * same repository. Annotations are anyone's to edit, so what they say was written is believed only as far as this.
 */
export function digestPinnedFrom(image: string, written: string): Digest | undefined {
  try {
    const reference = parseReference(image);
    return repository(reference) === repository(parseReference(written)) ? reference.digest : undefined;
  } catch {
    return undefined;
  }
}
