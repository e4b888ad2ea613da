import type { Digest } from '../image/digest.ts';
import { parseReference, pinned, type Reference, repository } from '../image/reference.ts';
import { IMAGES, printWrittenImages, type WrittenImages, writtenImages } from './annotations.ts';
import type { Pod } from './pod.ts';
import { type ImageField, walk } from './walk.ts';

/** One operation of the patch (RFC 6902). */
export interface Operation {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}

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
 * `IfNotPresent`, would be refused: a policy that tagpin set is put back to what the pod has.
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
  return [...images(pins, options), ...putBack, ...annotation(pod, pins, oldPod)];
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

const IMAGES_POINTER = `/metadata/annotations/${IMAGES.replace('/', '~1')}`;

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
  const annotations = pod.metadata.annotations;
  if (annotations?.[IMAGES] === value) return [];
  if (pins.length + remembered.size === 0) return [{ op: 'remove', path: IMAGES_POINTER }];
  return annotations
    ? [{ op: 'add', path: IMAGES_POINTER, value }]
    : [{ op: 'add', path: '/metadata/annotations', value: { [IMAGES]: value } }];
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
      return image !== undefined && unchanged && isPinOf(field.image, image) ? [[field.name, image]] : [];
    }),
  );
}

function isPinOf(image: string, written: string): boolean {
  try {
    const reference = parseReference(image);
    return reference.digest !== undefined && repository(reference) === repository(parseReference(written));
  } catch {
    return false;
  }
}
