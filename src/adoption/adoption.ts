import type { Digest } from '../image/digest.ts';
import { BELIEVED_MS, type Pins } from '../revision/pins.ts';
import type { Observed, RunningDigest } from './evidence.ts';

/** Of pods that run different digests of an image, whose counts. */
export type Preference = 'newest' | 'oldest';

/** What is to be found out from a registry about one image. */
export interface Question extends Pick<Observed, 'field' | 'reference'> {
  /** What the repository must be found to have; undefined where no proof is needed. */
  confirm: Digest | undefined;
}

/** What a registry has said to that. */
export interface RegistryAnswer {
  /** What the tag has now, or why nobody knows. */
  tag: { digest: Digest } | { digest?: never; problem: string };
  /** Why what was to be confirmed isn't. */
  unconfirmed?: string | undefined;
}

/** What becomes of one image of a revision. */
export interface Adoption extends Pick<Observed, 'field' | 'digests'> {
  /**
   * `adopted`: to be stored. `stored`: as it is already. `several`: pods run different digests, and nobody has chosen.
   * `held`: it would be adopted, but for another image's several digests. `unconfirmed`: the registry doesn't bear out
   * what nodes say. `unknown`: the pods don't say.
   */
  state: 'adopted' | 'stored' | 'several' | 'held' | 'unconfirmed' | 'unknown';
  /** The digest for pods to come; undefined if it isn't settled. */
  digest: Digest | undefined;
  /** What the tag has now, if that was asked for and is known. */
  tag: Digest | undefined;
  notes: readonly string[];
}

/** What a registry has to be asked: nothing about what is stored already, nor where the pods say nothing. */
export function questionsOf(
  observed: readonly Observed[],
  stored: Pins | undefined,
  prefer: Preference | undefined,
): Question[] {
  return observed.flatMap(({ field, reference, digests }): Question[] => {
    const known = stored?.get(field.image);
    const chosen = choose(digests, prefer, known);
    const isStored = chosen !== undefined && chosen.digest === known;
    if (digests.length === 0 || isStored) return [];
    return [{ field, reference, confirm: chosen?.from === 'imageID' ? chosen.digest : undefined }];
  });
}

/**
 * Decides over each image of a revision.
 *
 * @param answers by image as written, to all that {@link questionsOf} asks
 */
export function judge(
  observed: readonly Observed[],
  stored: Pins | undefined,
  prefer: Preference | undefined,
  answers: ReadonlyMap<string, RegistryAnswer>,
): Adoption[] {
  const judged = observed.map((image) =>
    judgeImage(image, stored?.get(image.field.image), prefer, answers.get(image.field.image)),
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
  { field, digests, silences }: Observed,
  stored: Digest | null | undefined,
  prefer: Preference | undefined,
  answer: RegistryAnswer | undefined,
): Adoption {
  const tag = answer?.tag.digest;
  const chosen = choose(digests, prefer, stored);
  const said = silences.map(({ reason, pods }) => `${inPods(pods)}: ${reason}`);
  const about = { field, digests, tag, digest: undefined };
  if (chosen === undefined) {
    const isElsewhere = silences.some(({ kind }) => kind === 'elsewhere');
    if (digests.length === 0)
      return { ...about, state: isElsewhere ? 'unconfirmed' : 'unknown', notes: said };
    const kept = stored ? [`${stored} is stored`] : [];
    return { ...about, state: 'several', notes: [...kept, ...remarks(undefined, answer), ...said] };
  }
  const { digest } = chosen;
  if (stored === digest) return { ...about, digest, state: 'stored', notes: said };
  const unconfirmed = chosen.from === 'imageID' ? problemOf(answer) : undefined;
  if (unconfirmed === undefined) {
    const replaced = stored
      ? [`in place of ${stored}, which pods may get for ${BELIEVED_MS / 1000} s more`]
      : [];
    return { ...about, digest, state: 'adopted', notes: [...replaced, ...remarks(digest, answer), ...said] };
  }
  const moved = tag === undefined ? [] : remarks(digest, answer);
  return { ...about, state: 'unconfirmed', notes: [unconfirmed, ...moved, ...said] };
}

const problemOf = (answer: RegistryAnswer | undefined) =>
  answer === undefined ? 'no registry was asked' : answer.unconfirmed;

/** What is worth knowing of the tag: that it has another digest than is adopted, or can't be resolved. */
function remarks(digest: Digest | undefined, answer: RegistryAnswer | undefined): string[] {
  if (answer === undefined) return [];
  const { tag } = answer;
  if (tag.digest === undefined) return [`its tag can't be resolved now: ${tag.problem}`];
  return tag.digest === digest ? [] : [`its tag has ${tag.digest} now`];
}

const inPods = (pods: number) => (pods === 1 ? '1 pod' : `${pods} pods`);

/** Without a preference, the choice that was made before stands: its digest is stored, and pods run it. */
function choose(
  digests: readonly RunningDigest[],
  prefer: Preference | undefined,
  stored: Digest | null | undefined,
): RunningDigest | undefined {
  const [first, ...others] = digests;
  if (others.length === 0) return first;
  if (prefer === undefined) return digests.find(({ digest }) => digest === stored);
  // In a pod that itself runs two, what comes first in it is the older one.
  return others.reduce<RunningDigest | undefined>((best, next) => {
    if (best === undefined) return next;
    if (prefer === 'oldest') return next.oldest < best.oldest ? next : best;
    return next.newest >= best.newest ? next : best;
  }, first);
}

/**
 * The pins that a revision is to store; undefined where it is to stay as it is. An image of its template that isn't
 * settled keeps what it had, or is there without a digest: one that is missing would be taken for somebody else's.
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
