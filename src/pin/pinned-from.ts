import type { Digest } from '../image/digest.ts';
import { parseReference, repository } from '../image/reference.ts';

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
