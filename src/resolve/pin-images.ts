import type { BrokenSecret } from '../credentials/keyring.ts';
import type { ImageCredentials, PodCredentials } from '../credentials/pod-credentials.ts';
import type { Digest } from '../image/digest.ts';
import { type Reference, repository } from '../image/reference.ts';
import type { Decided } from '../pin/decide.ts';
import type { Pin } from '../pin/patch.ts';
import type { WhenGone } from '../pin/settings.ts';
import type { ImageField } from '../pin/walk.ts';
import { RegistryError } from '../registry/error.ts';
import type { PodRevision } from '../revision/pod-revision.ts';
import { explain, type Failure, inWords } from './failure.ts';
import type { Resolution, Resolver } from './resolver.ts';

/** What became of one image. */
export type ImageOutcome =
  | { field: ImageField; result: 'left'; reason: string; remarks?: readonly string[] }
  | {
      field: ImageField;
      result: 'pinned';
      pin: Pin;
      source: 'pod' | 'revision' | 'sibling' | Resolution['source'];
      /** The pod's revision should have stored the digest, and didn't. */
      lacked?: boolean;
      /** Its stored digest is gone, and this one takes its place. */
      isReplacement?: boolean;
      /** What the creator of the pod should know about the digest. */
      remarks?: readonly string[];
      milliseconds: number;
    }
  | { field: ImageField; result: 'failed'; failure: Failure; error: unknown; milliseconds: number };

/** What images are pinned with. */
export interface PinContext {
  resolver: Pick<Resolver, 'resolve'>;
  credentials: PodCredentials;
  /** The pod's revision, whose digests come before the registry's; undefined where there is none. */
  revision?: PodRevision | undefined;
  /** What is done about a revision's digest that the registry no longer has; by default it isn't asked. */
  whenGone?: WhenGone | undefined;
  /** The oldest cached digest to accept, in milliseconds, unless the registry can't be asked. */
  maxAge?: number | undefined;
  /** The namespace whose turns at registries it takes. */
  tenant?: string;
  signal: AbortSignal;
}

export interface PinnedImages {
  outcomes: ImageOutcome[];
  /** Pull secrets that can't be decoded; known only if an image had to be resolved. */
  brokenSecrets: readonly BrokenSecret[];
}

/**
 * Images of one pod that are worked on at once: more than nearly all pods have. What they wait for together, such as the
 * pull secrets, lets all of them go on together, and nothing else has its turn in between.
 */
const AT_ONCE = 50;

/** Carries out what was decided for each image. Never rejects: a failure is its image's outcome. */
export async function pinImages(decided: readonly Decided[], context: PinContext): Promise<PinnedImages> {
  const outcomes: ImageOutcome[] = [];
  const left = decided.entries();
  const work = async () => {
    for (const [index, image] of left) outcomes[index] = await pinImage(image, context);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, decided.length) }, work));
  return { outcomes, brokenSecrets: context.credentials.brokenSecrets };
}

async function pinImage({ field, decision }: Decided, context: PinContext): Promise<ImageOutcome> {
  switch (decision.action) {
    case 'leave':
      return { field, result: 'left', reason: decision.reason };
    case 'refuse':
      return {
        field,
        result: 'failed',
        failure: explain(decision.error),
        error: undefined,
        milliseconds: 0,
      };
    case 'remember': {
      const { reference, digest } = decision;
      return { field, result: 'pinned', pin: { field, reference, digest }, source: 'pod', milliseconds: 0 };
    }
    case 'resolve':
      return await resolveImage(field, decision.reference, context);
  }
}

/** What the revision knows, else what the registry says with the pod's credentials, as the revision's pods agree on it. */
async function resolveImage(
  field: ImageField,
  reference: Reference,
  context: PinContext,
): Promise<ImageOutcome> {
  const { resolver, credentials, revision, maxAge, tenant = '', signal, whenGone = 'keep' } = context;
  const started = performance.now();
  const milliseconds = () => Math.round(performance.now() - started);
  const pinned = (digest: Pin['digest']) => ({
    field,
    result: 'pinned' as const,
    pin: { field, reference, digest },
    milliseconds: milliseconds(),
  });
  let atHand: ImageCredentials | undefined;
  try {
    const known = await revision?.find(field.image, signal);
    const lacked = known?.lacked ?? false;
    const remarks = lacked ? [LACKED] : [];
    if (known?.digest !== undefined) {
      const now = whenGone === 'tag' ? await replacementOf(known.digest, reference, context) : undefined;
      if (now !== undefined) {
        const { digest, source } = now;
        return {
          ...pinned(digest),
          source,
          lacked,
          isReplacement: true,
          remarks: [replaced(known.digest), ...remarks],
        };
      }
      return { ...pinned(known.digest), source: known.source, lacked, remarks };
    }
    atHand = await credentials.find(repository(reference));
    const { credentials: all } = atHand;
    const ask = (wanted: Reference, age?: number) =>
      resolver.resolve(wanted, all, signal, { maxAge: age, tenant });
    const reported = known?.reported && (await confirmed({ ...reference, digest: known.reported }, ask));
    const resolution = reported ?? (await ask(reference, maxAge));
    const agreed = known?.agree(resolution.digest);
    if (agreed !== undefined) return { ...pinned(agreed), source: 'sibling', lacked, remarks };
    const { digest } = resolution;
    const source = reported === undefined ? resolution.source : 'sibling';
    return { ...pinned(digest), source, lacked, remarks: [...staleRemarks(resolution), ...remarks] };
  } catch (error) {
    const failure = explain(error, atHand);
    return { field, result: 'failed', failure, error, milliseconds: milliseconds() };
  }
}

/** The digest, if its repository has it; undefined if not. */
async function confirmed(
  reference: Reference,
  ask: (reference: Reference) => Promise<Resolution>,
): Promise<Resolution | undefined> {
  try {
    return await ask(reference);
  } catch (error) {
    if (error instanceof RegistryError && error.failure === 'not_found') return undefined;
    throw error;
  }
}

/** A pod isn't kept waiting longer by a registry that doesn't say whether it has a digest. */
const GONE_WAIT_MS = 2_000;

/**
 * What the tag has now, if the registry no longer has the digest. Undefined if it has it, and if it doesn't tell: a registry
 * that hides what the credentials don't open has the tag neither.
 */
async function replacementOf(
  digest: Digest,
  reference: Reference,
  { resolver, credentials, tenant = '', signal }: PinContext,
): Promise<Resolution | undefined> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(GONE_WAIT_MS)]);
  try {
    const { credentials: all } = await credentials.find(repository(reference));
    const ask = (wanted: Reference) => resolver.resolve(wanted, all, within, { tenant });
    const found = await confirmed({ ...reference, digest }, ask);
    return found === undefined ? await ask(reference) : undefined;
  } catch {
    return undefined;
  }
}

const replaced = (digest: Digest) =>
  `the digest of its rollout is gone from the registry, so it gets what the tag has now; push ${digest} again, or roll out`;

const LACKED =
  "its revision has no digest for it, since the tag couldn't be resolved when that was made; restart the rollout to store one";

function staleRemarks(resolution: Resolution): string[] {
  if (resolution.source !== 'stale') return [];
  const { cause } = explain(resolution.error);
  return [`pinned to what the tag was ${inWords(resolution.age / 1000)} ago: ${cause}`];
}
