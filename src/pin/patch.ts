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

/** An image and the digest that it gets. */
export interface Pin {
  field: ImageField;
  reference: Reference;
  digest: Digest;
}

export interface PatchOptions {
  /** Whether the tag stays visible: `nginx:1.27@sha256:…`. */
  keepTag: boolean;
  /** What a pinned container's pull policy becomes at CREATE; `keep` leaves it. */
  pullPolicy: 'IfNotPresent' | 'keep';
}

/**
 * The patch of a pod that is created: images by digest, pull policies, and the annotation that remembers what was
 * written. Built from the pointers of the walk, never by comparing objects. Nothing pinned, nothing patched.
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
 * The patch of a pod that is updated. Its pull policies stay as they are, since the API server refuses any change
 * of them. For the same reason a manifest that says `Always`, applied again onto a pod that was pinned to
 * `IfNotPresent`, would be refused: a policy that tagpin set is put back to what the pod has. The annotation is
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
  const putBack = walk(pod.spec).flatMap((field) => {
    const before = old.get(field.policyPointer);
    const ours =
      options.pullPolicy !== 'keep' &&
      before?.name === field.name &&
      before.pullPolicy === 'IfNotPresent' &&
      field.pullPolicy === 'Always' &&
      written.has(field.name);
    return ours ? policy(field, 'IfNotPresent') : [];
  });
  const corrected = remembersAlike(pod, oldPod) ? [] : annotation(pod, pins, oldPod);
  return [...images(pins, options), ...putBack, ...corrected];
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
 * The patch of new ephemeral containers: images alone. The `pods/ephemeralcontainers` subresource drops any other
 * change, and an ephemeral container is never changed again, so nothing has to be remembered.
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
  const remembered = stillTrue(pod, claimed, oldPod);
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
  // A pod without room for it is better pinned and forgetful than refused by the API server.
  return fits(annotations, changes) ? patchAnnotations(annotations, changes) : [];
}

/**
 * What a pod says it was pinned from, as far as it can be true: the image is by digest and of the same repository.
 * Reinvocation after another webhook has added a container sees the first call's entries here. An update to another
 * digest than the pinned one ends what was remembered: that digest was never the tag's.
 */
function stillTrue(pod: Pod, remembered: WrittenImages, oldPod: Pod | undefined): WrittenImages {
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
