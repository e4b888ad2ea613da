import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import type { Decided } from '../pin/decide.ts';
import type { ImageField } from '../pin/walk.ts';
import { type Evidence, evidenceOf, type Silence } from './evidence.ts';
import type { Cohort } from './running-pods.ts';

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
