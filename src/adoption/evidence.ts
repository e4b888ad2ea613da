import type { Digest } from '../image/digest.ts';
import { excerpt } from '../image/excerpt.ts';
import {
  InvalidReference,
  parseReference,
  type Reference,
  repository,
  tagOrLatest,
} from '../image/reference.ts';
import { digestPinnedFrom } from '../pin/annotations.ts';
import type { ImageField } from '../pin/walk.ts';
import type { RunningImage } from './running-pods.ts';

/** What a pod says of the digest that it runs for an image of its template. */
export type Evidence = { digest: Digest; from: 'spec' | 'imageID' } | Silence;

/** Why a pod says nothing of it. */
export interface Silence {
  digest?: never;
  /** `elsewhere`: it names a digest, but of another repository, where a node couldn't pull it as written. */
  kind: 'untold' | 'elsewhere';
  reason: string;
}

/**
 * What a pod runs in one place of its template. Its spec counts before its status: containerd reports the first digest
 * that it has seen of equal content, which may be another one and even another repository's.
 */
export function evidenceOf(
  field: ImageField,
  reference: Reference,
  running: RunningImage | undefined,
): Evidence {
  if (running === undefined) return untold('no such container');
  if (running.image !== field.image) {
    const digest =
      isPinnedFrom(field.image, reference, running) && digestPinnedFrom(running.image, field.image);
    return digest ? { digest, from: 'spec' } : untold(`${excerpt(running.image)} in its place`);
  }
  if (running.imageId === undefined) {
    return field.place === 'image volume'
      ? untold('an image volume, of which nodes report no digest')
      : untold('not pulled yet');
  }
  return evidenceOfImageId(running.imageId, reference);
}

/** What was written isn't noted by other tools that pin; a tag that stays visible is. */
function isPinnedFrom(image: string, reference: Reference, running: RunningImage): boolean {
  if (running.written !== undefined) return running.written === image;
  const tag = read(running.image)?.tag;
  return tag === undefined || tag === tagOrLatest(reference);
}

function evidenceOfImageId(imageId: string, reference: Reference): Evidence {
  const id = readImageId(imageId);
  if (id === undefined) return untold(`imageID is no digest of a registry's: ${excerpt(imageId)}`);
  if (repository(id) === repository(reference)) return { digest: id.digest, from: 'imageID' };
  return { kind: 'elsewhere', reason: `imageID names another repository, ${repository(id)}` };
}

/**
 * `registry/repository@sha256:…`, from dockershim's heirs behind `docker-pullable://`; anything else is an id that means
 * something on its node only (kubernetes pkg/kubelet/kuberuntime/helpers.go, cri-dockerd core/container_status.go).
 */
export function readImageId(imageId: string): (Reference & { digest: Digest }) | undefined {
  const id = read(imageId.replace(/^docker-pullable:\/\//, ''));
  return id?.digest === undefined ? undefined : { ...id, digest: id.digest };
}

const untold = (reason: string): Silence => ({ kind: 'untold', reason });

function read(image: string): Reference | undefined {
  try {
    return parseReference(image);
  } catch (error) {
    if (error instanceof InvalidReference) return undefined;
    throw error;
  }
}
