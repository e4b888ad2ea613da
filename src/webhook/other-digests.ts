import type { Digest } from '../image/digest.ts';
import { type Reference, repository } from '../image/reference.ts';
import type { Decided } from '../pin/decide.ts';
import type { Mode } from '../pin/opt-in.ts';
import type { Pod } from '../pin/pod.ts';
import type { PinSettings } from '../pin/settings.ts';
import { type ImageField, walk } from '../pin/walk.ts';
import { explain } from '../resolve/failure.ts';
import type { ImageOutcome } from '../resolve/pin-images.ts';
import type { Pins } from '../revision/pins.ts';
import { type StoredRevision, UnreadableRevision } from '../revision/pod-revision.ts';
import { readReference } from '../revision/running-pod.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What the images by digest of a pod come to. */
export interface OtherDigests {
  /** Of those that have another digest than their revision stores. */
  outcomes: readonly ImageOutcome[];
  /** All the decisions that are still to be carried out. */
  rest: readonly Decided[];
}

interface OtherDigest {
  field: ImageField;
  /** The image in the revision's template. */
  written: Reference;
  digest: Digest;
  stored: Digest;
}

/**
 * Looks at images that came by digest: another webhook may have resolved the tag once more (Kyverno's `mutateDigest`), and then
 * the digest isn't the one that the pod's revision stores. It is kept, with a warning, or replaced, as the configuration says.
 *
 * An image that is by digest in the template, or in no template, is nobody else's digest.
 */
export async function examineDigests(
  decided: readonly Decided[],
  revision: StoredRevision | undefined,
  mode: Mode,
  { otherDigest }: Pick<PinSettings, 'otherDigest'>,
  { otherDigests }: Pick<Metrics, 'otherDigests'>,
  signal: AbortSignal,
): Promise<OtherDigests> {
  const byDigest = decided.filter(isByDigest);
  if (revision === undefined || byDigest.length === 0) return { outcomes: [], rest: decided };
  let others: OtherDigest[];
  try {
    others = await findOthers(byDigest, revision, signal);
  } catch (error) {
    if (!(error instanceof UnreadableRevision) && !signal.aborted) throw error;
    if (otherDigest === 'keep') return { outcomes: [], rest: decided };
    return {
      outcomes: byDigest.map(({ field }) => unknown(field, error)),
      rest: decided.filter((image) => !isByDigest(image)),
    };
  }
  const isReplaced = otherDigest === 'stored' && mode !== 'audit';
  otherDigests.inc({ mode, outcome: isReplaced ? 'replaced' : 'kept' }, others.length);
  const pointers = new Set(others.map(({ field }) => field.pointer));
  return {
    outcomes: others.map(isReplaced ? replaced : kept),
    rest: decided.filter(({ field }) => !pointers.has(field.pointer)),
  };
}

const isByDigest = ({ decision }: Decided) => decision.action === 'leave' && decision.reason === 'digest';

/** The template is read only if the stored pins leave it open which of them an image is. */
async function findOthers(
  byDigest: readonly Decided[],
  revision: StoredRevision,
  signal: AbortSignal,
): Promise<OtherDigest[]> {
  const pins = await revision.pins(signal);
  const suspects = byDigest.flatMap(({ field }) => {
    const reference = readReference(field.image);
    const digest = reference?.digest;
    return reference && digest && mayDiffer(reference, digest, pins) ? [{ field, reference, digest }] : [];
  });
  const template = suspects.length === 0 ? undefined : await revision.template(signal);
  if (template === undefined) return [];
  return suspects.flatMap(({ field, reference, digest }): OtherDigest[] => {
    const image = imageIn(template, field);
    const stored = image === undefined ? undefined : pins?.get(image);
    if (image === undefined || !stored || stored === digest) return [];
    const written = readReference(image);
    return written && repository(written) === repository(reference)
      ? [{ field: { ...field, image }, written, digest, stored }]
      : [];
  });
}

/** Whether the pins have a digest for the repository, and not this one. */
function mayDiffer(reference: Reference, digest: Digest, pins: Pins | undefined): boolean {
  const stored = [...(pins ?? [])].flatMap(([image, known]) => {
    const written = known === null ? undefined : readReference(image);
    return written && repository(written) === repository(reference) ? [known] : [];
  });
  return stored.length > 0 && !stored.every((known) => known === digest);
}

const imageIn = (template: Pod, { place, name }: ImageField) =>
  walk(template.spec).find((field) => field.place === place && field.name === name)?.image;

function kept({ field, stored }: OtherDigest): ImageOutcome {
  const remark = `its rollout stores ${stored}, not this digest; call tagpin first, or set pin.otherDigest`;
  return { field, result: 'left', reason: 'digest', remarks: [remark] };
}

function unknown(field: ImageField, error: unknown): ImageOutcome {
  return { field, result: 'failed', failure: explain(error), error, milliseconds: 0 };
}

function replaced({ field, written, digest, stored }: OtherDigest): ImageOutcome {
  return {
    field,
    result: 'pinned',
    pin: { field, reference: written, digest: stored },
    source: 'revision',
    remarks: [`came as ${digest}, and got the digest that its rollout stores`],
    milliseconds: 0,
  };
}
