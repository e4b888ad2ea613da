import type { Rules } from '../pin/decide.ts';
import type { Manifest, Mistake, Position } from './document.ts';
import type { FieldSpec } from './field-spec.ts';
import { Finder, type ManifestImage } from './finder.ts';
import { isKustomizationFile, KUSTOMIZATION, knownFieldSpecs } from './known-kinds.ts';
import { objectsOf } from './objects.ts';
import { formatOf, otherFieldSpecs } from './other-files.ts';
import { imagesPassedBy, type PassedBy } from './unknown-kinds.ts';

export type { ManifestImage, PolicySpan } from './finder.ts';

export interface FindOptions {
  rules: Rules;
  /** Where objects of other kinds have images, besides those that are known. */
  fieldSpecs: readonly FieldSpec[];
}

/**
 * Finds the images of a manifest.
 *
 * @param name the file's, because a kustomization needn't say what it is
 */
export function findImages(manifest: Manifest, options: FindOptions, name = ''): Found {
  const images: ManifestImage[] = [];
  const mistakes = [...manifest.mistakes];
  const warnings: Mistake[] = [];
  const passedBy: PassedBy[] = [];
  const fieldSpecs = [...options.fieldSpecs, ...knownFieldSpecs, ...otherFieldSpecs];
  const byDefault = isKustomizationFile(name) ? KUSTOMIZATION : formatOf(name);
  for (const [index, document] of manifest.documents.entries()) {
    const objects = objectsOf(document.root, byDefault);
    for (const object of objects) {
      const finder = new Finder(manifest, index + 1, object, options.rules);
      finder.find(fieldSpecs);
      for (const image of finder.images.values()) images.push(image);
      mistakes.push(...finder.mistakes);
      warnings.push(...finder.warnings);
      const { seen } = finder;
      passedBy.push(...imagesPassedBy(object).filter(({ pointer }) => !seen.has(pointer)));
    }
    for (const key of document.repeated) {
      const object = objects.find(({ node }) => node && node.start <= key.start && key.end <= node.end);
      const message = `the key ${JSON.stringify(key.text)} is in its mapping before, and the last one counts; remove the others`;
      warnings.push({ ...manifest.placeOf(key.start), document: index + 1, object, message });
    }
  }
  return { images: images.sort(byPlace), mistakes: mistakes.sort(byPlace), warnings, passedBy };
}

/** What is in a manifest, in the order of the text. */
export interface Found {
  images: ManifestImage[];
  /** Why it can't be pinned. */
  mistakes: Mistake[];
  /** What is read otherwise than it may be meant. */
  warnings: Mistake[];
  /** What looks like images in kinds that aren't known. */
  passedBy: PassedBy[];
}

const byPlace = (a: Position, b: Position) => a.line - b.line || a.column - b.column;
