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
import type { Decided } from '../pin/decide.ts';
import type { ImageField } from '../pin/walk.ts';
import type { Cohort, RunningImage } from './running-pods.ts';

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

/** A digest that pods of a revision run for one image. */
export interface RunningDigest {
  digest: Digest;
  /** `spec`: pods are pinned to it. `imageID`: only their nodes say so, and a registry is yet to confirm it. */
  from: 'spec' | 'imageID';
  pods: number;
  /** As those of a {@link Cohort}. */
  oldest: string;
  newest: string;
}

/** What the pods of a revision say of an image of its template. */
export interface Observed {
  /** The first place in the template that has the image. */
  field: ImageField;
  reference: Reference;
  digests: readonly RunningDigest[];
  /** Why some of its pods say nothing, and how many. */
  silences: readonly (Silence & { pods: number })[];
}

/**
 * What the pods of a revision run, image by image of its template.
 *
 * @param decided what tagpin would do with each image of the template; only those that it would resolve count
 */
export function observe(decided: readonly Decided[], cohorts: readonly Cohort[]): Observed[] {
  const places = new Map<string, { field: ImageField; reference: Reference }[]>();
  for (const { field, decision } of decided) {
    if (decision.action !== 'resolve') continue;
    const { reference } = decision;
    places.set(field.image, [...(places.get(field.image) ?? []), { field, reference }]);
  }
  return [...places.values()].flatMap((same) => {
    const [first] = same;
    return first === undefined ? [] : [{ ...first, ...sum(same, cohorts) }];
  });
}

/** An image may stand in several places: its pods may have pulled it anew for each. */
function sum(
  places: readonly { field: ImageField; reference: Reference }[],
  cohorts: readonly Cohort[],
): Pick<Observed, 'digests' | 'silences'> {
  const digests = new Map<Digest, RunningDigest>();
  const silences = new Map<string, Silence & { pods: number }>();
  for (const cohort of cohorts) {
    const all = places.map(({ field, reference }) => evidenceOf(field, reference, runningAt(field, cohort)));
    const found = new Map(
      all.flatMap((evidence) => (evidence.digest === undefined ? [] : [[evidence.digest, evidence]])),
    );
    for (const evidence of found.values()) addDigest(digests, evidence, cohort);
    const [silence] = all.flatMap((evidence) => (evidence.digest === undefined ? [evidence] : []));
    if (found.size > 0 || silence === undefined) continue;
    const pods = (silences.get(silence.reason)?.pods ?? 0) + cohort.pods;
    silences.set(silence.reason, { ...silence, pods });
  }
  return { digests: [...digests.values()], silences: [...silences.values()] };
}

function runningAt({ place, name }: ImageField, { images }: Cohort) {
  return images.find((image) => image.place === place && image.name === name);
}

function addDigest(
  digests: Map<Digest, RunningDigest>,
  { digest, from }: Exclude<Evidence, Silence>,
  { pods, oldest, newest }: Cohort,
): void {
  const known = digests.get(digest) ?? { digest, from, pods: 0, oldest, newest };
  digests.set(digest, {
    digest,
    from: known.from === 'spec' ? 'spec' : from,
    pods: known.pods + pods,
    oldest: oldest < known.oldest ? oldest : known.oldest,
    newest: newest > known.newest ? newest : known.newest,
  });
}
