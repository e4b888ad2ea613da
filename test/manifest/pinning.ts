import { type Digest, sha256 } from '../../src/image/digest.ts';
import { pinned } from '../../src/image/reference.ts';
import { parseManifest } from '../../src/manifest/document.ts';
import type { FieldSpec } from '../../src/manifest/field-spec.ts';
import { findImages, type ManifestImage } from '../../src/manifest/images.ts';
import type { Written } from '../../src/manifest/lock.ts';
import { type Edit, insertAfter, replaceScalar, splice } from '../../src/manifest/splice.ts';

export const rules = { skip: [], honourSkipAnnotation: true };

/** The digest that an image has here. */
export const digestOf = (image: string): Digest => sha256(image);

/** Each image with the place where it stands, as a message names it. */
export function find(text: string, fieldSpecs: readonly FieldSpec[] = []) {
  return findImages(parseManifest(text), { rules, fieldSpecs });
}

export const imagesIn = (text: string, fieldSpecs: readonly FieldSpec[] = []) =>
  find(text, fieldSpecs).images.map(({ path, field }) => [path, field.image]);

/** Pins all that is to be resolved. */
export function pinText(text: string, { pullPolicy = false, keepTag = false } = {}): string {
  return splice(
    text,
    find(text).images.flatMap((image): Edit[] => {
      const { decision, span, field } = image;
      if (decision.action !== 'resolve') return [];
      const by = pinned(decision.reference, digestOf(field.image), { keepTag });
      return [replaceScalar(text, span, by), ...(pullPolicy ? policyEdits(text, image) : [])];
    }),
  );
}

function policyEdits(text: string, { policy }: ManifestImage): Edit[] {
  if (policy === undefined) return [];
  return policy.isThere
    ? [replaceScalar(text, policy.span, 'IfNotPresent')]
    : [insertAfter(text, policy.after, policy.key, 'IfNotPresent')];
}

/** A pod that has such a text for the fields of its only container. */
export const podWith = (fields: string) => `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n${fields}`;

/** Writes again what a lock knows to have been pinned. */
export function unpinText(text: string, written: Written): string {
  return splice(
    text,
    find(text).images.flatMap(({ field, span }) => {
      const [image] = written.of(field.image);
      return image === undefined ? [] : [replaceScalar(text, span, image)];
    }),
  );
}
