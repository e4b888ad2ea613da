import type { Digest } from '../image/digest.ts';
import { excerpt } from '../image/excerpt.ts';
import { type Reference, repository, tagOrLatest } from '../image/reference.ts';
import { digestPinnedFrom } from '../pin/annotations.ts';
import type { Decided } from '../pin/decide.ts';
import type { ImageField } from '../pin/walk.ts';
import { type RunningImage, readImageId, readReference } from '../revision/running-pod.ts';
import type { Cohort } from './running-pods.ts';

/** Which digest a pod runs for an image of its template, and how that is known. */
export type Evidence =
  | { digest: Digest; from: 'spec' | 'imageID'; elsewhere?: never }
  /** The repository that its imageID names instead of the image's. A node could pull it only if the image's has it, too. */
  | { digest: Digest; from: 'imageID'; elsewhere: string }
  | NoEvidence;

/** Why a pod doesn't show which digest it runs. */
export interface NoEvidence {
  digest?: never;
  elsewhere?: never;
  reason: string;
}

/**
 * What a pod runs in one place of its template. The spec counts before the status, because containerd reports the first
 * digest it saw of the same content, which may be another one, even of another repository.
 */
export function evidenceOf(
  field: ImageField,
  reference: Reference,
  running: RunningImage | undefined,
): Evidence {
  if (running === undefined) return notReported('no such container');
  if (running.image !== field.image) {
    const digest =
      isPinnedFrom(field.image, reference, running) && digestPinnedFrom(running.image, field.image);
    return digest ? { digest, from: 'spec' } : notReported(`${excerpt(running.image)} in its place`);
  }
  if (running.imageId === undefined) {
    return field.place === 'image volume'
      ? notReported("an image volume, whose digest nodes don't report")
      : notReported('not pulled yet');
  }
  return evidenceOfImageId(running.imageId, reference);
}

/** Other tools that pin don't record what was written, but may keep the tag visible. */
function isPinnedFrom(image: string, reference: Reference, running: RunningImage): boolean {
  if (running.written !== undefined) return running.written === image;
  const tag = readReference(running.image)?.tag;
  return tag === undefined || tag === tagOrLatest(reference);
}

function evidenceOfImageId(imageId: string, reference: Reference): Evidence {
  const id = readImageId(imageId);
  if (id === undefined) return notReported(`imageID isn't a digest from a registry: ${excerpt(imageId)}`);
  if (repository(id) === repository(reference)) return { digest: id.digest, from: 'imageID' };
  return { digest: id.digest, from: 'imageID', elsewhere: repository(id) };
}

const notReported = (reason: string): NoEvidence => ({ reason });

export const namesAnother = (elsewhere: string) => `imageID names another repository, ${elsewhere}`;

/** A digest that pods of a revision run for one image. */
export interface RunningDigest {
  digest: Digest;
  /** `spec`: pods are pinned to it. `imageID`: only nodes report it, and a registry has to confirm it. */
  from: 'spec' | 'imageID';
  /** The repository that imageIDs name instead of the image's; undefined if any evidence is of the image's own. */
  elsewhere: string | undefined;
  pods: number;
  /** As those of a {@link Cohort}. */
  oldest: string;
  newest: string;
}

/** What the pods of a revision show about an image of its template. */
export interface Observed {
  /** The first place in the template that has the image. */
  field: ImageField;
  reference: Reference;
  digests: readonly RunningDigest[];
  /** Why some of its pods give no evidence, and how many. */
  noEvidence: readonly (NoEvidence & { pods: number })[];
}

/**
 * What the pods of a revision run, for each image of its template.
 *
 * @param decided the webhook's decision on each image of the template; only images that it would resolve count
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

/**
 * An image may be in several places of a template, and a pod may run a different digest in each. What imageIDs say of another
 * repository counts only if nothing is said of the image's own: it may be another digest of the same content.
 */
function sum(
  places: readonly { field: ImageField; reference: Reference }[],
  cohorts: readonly Cohort[],
): Pick<Observed, 'digests' | 'noEvidence'> {
  const all = cohorts.map((cohort) => ({
    cohort,
    evidence: places.map(({ field, reference }) => evidenceOf(field, reference, runningAt(field, cohort))),
  }));
  const isOwn = ({ digest, elsewhere }: Evidence) => digest !== undefined && elsewhere === undefined;
  const hasOwn = all.some(({ evidence }) => evidence.some(isOwn));
  const digests = new Map<Digest, RunningDigest>();
  const noEvidence = new Map<string, NoEvidence & { pods: number }>();
  for (const { cohort, evidence } of all) {
    const counted = hasOwn ? evidence.map(withoutElsewhere) : evidence;
    const found = new Map(counted.flatMap((one) => (one.digest === undefined ? [] : [[one.digest, one]])));
    for (const one of found.values()) addDigest(digests, one, cohort);
    const [missing] = counted.flatMap((one) => (one.digest === undefined ? [one] : []));
    if (found.size > 0 || missing === undefined) continue;
    const pods = (noEvidence.get(missing.reason)?.pods ?? 0) + cohort.pods;
    noEvidence.set(missing.reason, { ...missing, pods });
  }
  return { digests: [...digests.values()], noEvidence: [...noEvidence.values()] };
}

const withoutElsewhere = (evidence: Evidence): Evidence =>
  evidence.elsewhere === undefined ? evidence : notReported(namesAnother(evidence.elsewhere));

function runningAt({ place, name }: ImageField, { images }: Cohort) {
  return images.find((image) => image.place === place && image.name === name);
}

function addDigest(
  digests: Map<Digest, RunningDigest>,
  { digest, from, elsewhere }: Exclude<Evidence, NoEvidence>,
  { pods, oldest, newest }: Cohort,
): void {
  const known = digests.get(digest) ?? { digest, from, elsewhere, pods: 0, oldest, newest };
  digests.set(digest, {
    digest,
    from: known.from === 'spec' ? 'spec' : from,
    elsewhere: known.elsewhere && elsewhere,
    pods: known.pods + pods,
    oldest: oldest < known.oldest ? oldest : known.oldest,
    newest: newest > known.newest ? newest : known.newest,
  });
}
