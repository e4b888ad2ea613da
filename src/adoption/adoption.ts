import type { Digest } from '../image/digest.ts';
import { BELIEVED_MS, type Pins } from '../revision/pins.ts';
import { namesAnother, type Observed, type RunningDigest } from './evidence.ts';

/** Which pods decide where a revision's pods run different digests of an image. */
export type Preference = 'newest' | 'oldest';

/** What a registry is asked about one image. */
export interface RegistryQuery extends Pick<Observed, 'field' | 'reference'> {
  /** A digest that the repository has to have; undefined if the pods' specs prove it. */
  confirm: Digest | undefined;
}

/** What a registry said about one image. */
export interface RegistryResult {
  /** The tag's digest now, or why it isn't known. */
  tag: { digest: Digest } | { digest?: never; problem: string };
  /** Why the digest to confirm isn't confirmed, and what to do. */
  unconfirmed?: string | undefined;
}

/** The decision about one image of a revision. */
export interface Adoption extends Pick<Observed, 'field' | 'digests'> {
  /**
   * `adopted`: to be stored. `stored`: stored already. `several`: pods run different digests, and no preference was
   * given. `held`: it would be adopted if no other image of the revision had several digests. `unconfirmed`: the registry
   * doesn't confirm what nodes report. `unknown`: the pods give no evidence.
   */
  state: 'adopted' | 'stored' | 'several' | 'held' | 'unconfirmed' | 'unknown';
  /** The digest for new pods; undefined if none is decided. */
  digest: Digest | undefined;
  /** The tag's digest now, if it was asked for and is known. */
  tag: Digest | undefined;
  notes: readonly string[];
}

/** What to ask registries: nothing about an image that is stored already or whose pods give no evidence. */
export function registryQueries(
  observed: readonly Observed[],
  stored: Pins | undefined,
  prefer: Preference | undefined,
): RegistryQuery[] {
  return observed.flatMap(({ field, reference, digests }): RegistryQuery[] => {
    const known = stored?.get(field.image);
    const chosen = choose(digests, prefer, known);
    const isStored = chosen !== undefined && chosen.digest === known;
    if (digests.length === 0 || isStored) return [];
    return [{ field, reference, confirm: chosen?.from === 'imageID' ? chosen.digest : undefined }];
  });
}

/**
 * Decides about each image of a revision.
 *
 * @param results to everything that {@link registryQueries} asks, by image as written
 */
export function judge(
  observed: readonly Observed[],
  stored: Pins | undefined,
  prefer: Preference | undefined,
  results: ReadonlyMap<string, RegistryResult>,
): Adoption[] {
  const judged = observed.map((image) =>
    judgeImage(image, stored?.get(image.field.image), prefer, results.get(image.field.image)),
  );
  const isHeld = judged.some(({ state }) => state === 'several');
  return judged.map((adoption) =>
    isHeld && adoption.state === 'adopted'
      ? { ...adoption, state: 'held', digest: undefined, notes: [HELD, ...adoption.notes] }
      : adoption,
  );
}

const HELD = 'not stored while another image of the revision has several digests';

function judgeImage(
  { field, digests, noEvidence }: Observed,
  stored: Digest | null | undefined,
  prefer: Preference | undefined,
  result: RegistryResult | undefined,
): Adoption {
  const tag = result?.tag.digest;
  const chosen = choose(digests, prefer, stored);
  const said = noEvidence.map(({ reason, pods }) => `${inPods(pods)}: ${reason}`);
  const about = { field, digests, tag, digest: undefined };
  if (chosen === undefined) {
    if (digests.length === 0) return { ...about, state: 'unknown', notes: said };
    const kept = stored ? [`${stored} is stored`] : [];
    return { ...about, state: 'several', notes: [...kept, ...remarks(undefined, result), ...said] };
  }
  const { digest, elsewhere } = chosen;
  if (stored === digest) return { ...about, digest, state: 'stored', notes: said };
  const unconfirmed = chosen.from === 'imageID' ? problemOf(result) : undefined;
  if (unconfirmed === undefined) {
    const replaced = stored
      ? [`in place of ${stored}, which pods may get for ${BELIEVED_MS / 1000} s more`]
      : [];
    const confirmed =
      elsewhere === undefined ? [] : [`${namesAnother(elsewhere)}, and the image's own has this digest, too`];
    const notes = [...replaced, ...confirmed, ...remarks(digest, result), ...said];
    return { ...about, digest, state: 'adopted', notes };
  }
  const moved = tag === undefined ? [] : remarks(digest, result);
  const named = elsewhere === undefined ? [] : [namesAnother(elsewhere)];
  return { ...about, state: 'unconfirmed', notes: [unconfirmed, ...named, ...moved, ...said] };
}

const problemOf = (result: RegistryResult | undefined) =>
  result === undefined ? 'no registry was asked' : result.unconfirmed;

/** Notes on the tag: that it has another digest than the adopted one, or can't be resolved. */
function remarks(digest: Digest | undefined, result: RegistryResult | undefined): string[] {
  if (result === undefined) return [];
  const { tag } = result;
  if (tag.digest === undefined) return [`its tag can't be resolved now: ${tag.problem}`];
  return tag.digest === digest ? [] : [`its tag has ${tag.digest} now`];
}

const inPods = (pods: number) => (pods === 1 ? '1 pod' : `${pods} pods`);

/** Without a preference, an earlier choice stands: a digest that is stored and that pods run. */
function choose(
  digests: readonly RunningDigest[],
  prefer: Preference | undefined,
  stored: Digest | null | undefined,
): RunningDigest | undefined {
  const [first, ...others] = digests;
  if (others.length === 0) return first;
  if (prefer === undefined) return digests.find(({ digest }) => digest === stored);
  // Of two digests in one pod, the first in its spec counts as the older.
  return others.reduce<RunningDigest | undefined>((best, next) => {
    if (best === undefined) return next;
    if (prefer === 'oldest') return next.oldest < best.oldest ? next : best;
    return next.newest >= best.newest ? next : best;
  }, first);
}

/**
 * The pins to store with a revision; undefined if it stays as it is. An image without a decision keeps its stored digest,
 * or is stored without one: if it were missing, it would pass for an image that something else added to the pods.
 */
export function pinsToStore(adoptions: readonly Adoption[], stored: Pins | undefined): Pins | undefined {
  const isSettled = adoptions.some(({ state }) => state === 'adopted' || state === 'stored');
  if (!isSettled || adoptions.some(({ state }) => state === 'several')) return undefined;
  return new Map([
    ...(stored ?? []),
    ...adoptions.map(({ field, digest }): [string, Digest | null] => [
      field.image,
      digest ?? stored?.get(field.image) ?? null,
    ]),
  ]);
}
