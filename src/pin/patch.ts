import type { Digest } from '../image/digest.ts';
import { pinned, type Reference } from '../image/reference.ts';
import {
  digestPinnedFrom,
  IMAGES,
  printWrittenImages,
  type WrittenImages,
  writtenImages,
} from './annotations.ts';
import { fits, type Operation, patchAnnotations } from './json-patch.ts';
import type { Pod } from './pod.ts';
import { type ImageField, walk } from './walk.ts';

/** An image, and the digest to pin it to. */
export interface Pin {
  field: ImageField;
  reference: Reference;
  digest: Digest;
}

export interface PatchOptions {
  /** Whether to keep the tag: `nginx:1.27@sha256:…`. */
  keepTag: boolean;
  /** The pull policy of pinned containers, set at CREATE; `keep` leaves it. */
  pullPolicy: 'IfNotPresent' | 'keep';
}

/**
 * The patch for a pod at CREATE: images by digest, pull policies, and the annotation with the images as written. It is
 * built from the pointers of the walk, never by comparing objects. Empty if nothing is pinned.
 */
export function patchCreated(pod: Pod, pins: readonly Pin[], options: PatchOptions): Operation[] {
  return pins.length === 0
    ? []
    : [
        ...images(pins, options),
        ...(options.pullPolicy === 'keep'
          ? []
          : pins.flatMap(({ field }) => policy(field, options.pullPolicy))),
        ...annotation(pod, pins),
      ];
}

/**
 * The patch for a pod at UPDATE. Pull policies stay, because the API server rejects any change of them. For the same
 * reason it would reject a manifest with `Always` that is applied again to a pod which tagpin has set to `IfNotPresent`,
 * so such a policy is set back to the pod's. The annotation is
 * corrected when it changes or an image does: of other updates the API server doesn't tell (the webhook's
 * `matchConditions`).
 */
export function patchUpdated(
  pod: Pod,
  oldPod: Pod,
  pins: readonly Pin[],
  options: PatchOptions,
): Operation[] {
  const written = writtenImages(oldPod);
  const old = new Map(walk(oldPod.spec).map((field) => [field.policyPointer, field]));
  const restored = walk(pod.spec).flatMap((field) => {
    const before = old.get(field.policyPointer);
    const setByTagpin =
      options.pullPolicy !== 'keep' &&
      before?.name === field.name &&
      before.pullPolicy === 'IfNotPresent' &&
      field.pullPolicy === 'Always' &&
      written.has(field.name);
    return setByTagpin ? policy(field, 'IfNotPresent') : [];
  });
  const corrected = remembersAlike(pod, oldPod) ? [] : annotation(pod, pins, oldPod);
  return [...images(pins, options), ...restored, ...corrected];
}

/** Whether both have the same images and say the same of where these come from. */
function remembersAlike(pod: Pod, oldPod: Pod): boolean {
  const [now, before] = [pod, oldPod].map(({ metadata, spec }) =>
    JSON.stringify([
      metadata.annotations?.[IMAGES],
      walk(spec).map(({ pointer, image }) => [pointer, image]),
    ]),
  );
  return now === before;
}

/**
 * The patch for new ephemeral containers, with images only. The subresource `pods/ephemeralcontainers` drops any other
 * change, and an ephemeral container never changes again, so the annotation isn't needed.
 */
export function patchEphemeralContainers(pins: readonly Pin[], options: PatchOptions): Operation[] {
  return images(pins, options);
}

function images(pins: readonly Pin[], { keepTag }: PatchOptions): Operation[] {
  return pins.map(({ field, reference, digest }) => ({
    op: 'replace',
    path: field.pointer,
    value: pinned(reference, digest, { keepTag }),
  }));
}

function policy(field: ImageField, value: string): Operation[] {
  return field.pullPolicy === value ? [] : [{ op: 'add', path: field.policyPointer, value }];
}

function annotation(pod: Pod, pins: readonly Pin[], oldPod?: Pod): Operation[] {
  const claimed = writtenImages(pod);
  const remembered = plausible(pod, claimed, oldPod);
  if (pins.length === 0 && remembered.size === claimed.size) return [];
  // A volume may share its name with a container; the container's image is the one that can change later.
  const volumesFirst = [...pins].sort(
    (a, b) => Number(b.field.place === 'image volume') - Number(a.field.place === 'image volume'),
  );
  const value = printWrittenImages(
    new Map([...remembered, ...volumesFirst.map(({ field }): [string, string] => [field.name, field.image])]),
  );
  const { annotations } = pod.metadata;
  if (annotations?.[IMAGES] === value) return [];
  const changes = { [IMAGES]: pins.length + remembered.size === 0 ? null : value };
  // A pod with too many annotations is pinned without this one, because the API server would refuse it.
  return fits(annotations, changes) ? patchAnnotations(annotations, changes) : [];
}

/**
 * The entries of the pod's annotation that can be true: the image has a digest and is in the same repository. At a
 * reinvocation, after another webhook has added a container, these are the entries of the first call. An update to another
 * digest invalidates an entry, because that digest was never the tag's.
 */
function plausible(pod: Pod, remembered: WrittenImages, oldPod: Pod | undefined): WrittenImages {
  const before = oldPod && new Map(walk(oldPod.spec).map((field) => [field.pointer, field.image]));
  return new Map(
    walk(pod.spec).flatMap((field): [string, string][] => {
      const image = remembered.get(field.name);
      const unchanged = before === undefined || before.get(field.pointer) === field.image;
      if (image === undefined || !unchanged) return [];
      return digestPinnedFrom(field.image, image) === undefined ? [] : [[field.name, image]];
    }),
  );
}
