import { z } from 'zod';
import type { Digest } from '../image/digest.ts';
import { type Decided, decide } from '../pin/decide.ts';
import { fits, patchAnnotations } from '../pin/json-patch.ts';
import { excessOf } from '../pin/limits.ts';
import type { Pod } from '../pin/pod.ts';
import { templateOf } from '../pin/pod-template.ts';
import { revisionRules } from '../pin/settings.ts';
import { hashOf, isRevisionKind, type RevisionKind } from '../revision/kinds.ts';
import { type Pins, readPins, storePins } from '../revision/pins.ts';
import { type PinningParts, resolveTemplate } from './pinning.ts';
import { recordRevision } from './record.ts';
import { type AdmissionRequest, InvalidReview, parseAs, type Verdict } from './review.ts';

const revisionSchema = z.object({
  metadata: z.object({
    labels: z.record(z.string(), z.string()).nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
});

/**
 * Answers for revisions: stores the digests of the template's images in the new revision's metadata. The template stays as it
 * is, because its Deployment wouldn't recognize a ReplicaSet with another one (kubernetes
 * pkg/controller/deployment/util/deployment_util.go, `FindNewReplicaSet`). It never refuses, because nobody reads the
 * controller's errors, and the pods are reviewed in their turn.
 *
 * @throws InvalidReview, from the handler, when the request's object is none
 */
export function createRevisionHandler(
  parts: PinningParts,
): (request: AdmissionRequest, signal: AbortSignal) => Promise<Verdict> {
  const rules = revisionRules(parts.settings);

  return async (request, signal) => {
    const { operation, kind } = request;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return { allowed: true };
    if (!isRevisionKind(kind.kind)) {
      throw new InvalidReview(`this path is for revisions; take ${kind.kind} out of the webhook's rules`);
    }
    const { metadata } = parseAs(revisionSchema, request.object, kind.kind);
    const template = templateOf(kind.kind, request.object);
    if (template === undefined) return { allowed: true };
    const excess = excessOf(template);
    if (excess !== undefined) {
      parts.metrics.revisions.inc({ kind: kind.kind, outcome: 'limit' });
      return { allowed: true, warnings: [`no digests are stored: ${excess}`] };
    }
    const hash = hashOf(kind.kind, metadata.labels);
    const wanted = decide(template, rules).filter(({ decision }) => decision.action === 'resolve');
    const kept = operation === 'UPDATE' ? keptPins(request, kind.kind, hash, wanted) : none;
    if (kept === undefined) return { allowed: true };

    const missing = wanted.filter(({ field }) => !kept.get(field.image));
    const resolved = await resolveAll(parts, request, template, missing, signal);
    const pins = new Map([...kept, ...resolved]);
    if (pins.size === 0) {
      parts.metrics.revisions.inc({ kind: kind.kind, outcome: 'nothing' });
      return { allowed: true };
    }
    const changes = storePins(metadata.annotations, hash, pins, Date.now());
    const fit = fits(metadata.annotations, changes);
    const change = Object.keys(changes).length === 0 ? 'unchanged' : 'stored';
    parts.metrics.revisions.inc({ kind: kind.kind, outcome: fit ? change : 'too_large' });
    return { allowed: true, patch: fit ? patchAnnotations(metadata.annotations, changes) : [] };
  };
}

const none: Pins = new Map();

/**
 * The pins that an update keeps. The template of a ReplicaSet without an owner can be changed: images that it had keep their
 * digests, and those that it no longer has are forgotten. A revision without stored pins gets none, because its pods have
 * agreed on digests that aren't known here.
 */
function keptPins(
  { object, oldObject }: AdmissionRequest,
  kind: RevisionKind,
  hash: string,
  wanted: readonly Decided[],
): Pins | undefined {
  const pins = readPins(parseAs(revisionSchema, object, kind).metadata.annotations, hash);
  if (pins === undefined) return undefined;
  const before = templateOf(kind, oldObject);
  const old = new Set(
    before && decide(before, { skip: [], honourSkipAnnotation: false }).map(({ field }) => field.image),
  );
  const kept = wanted.flatMap(({ field }): [string, Digest][] => {
    const digest = old.has(field.image) ? pins.get(field.image) : undefined;
    return digest ? [[field.image, digest]] : [];
  });
  return new Map(kept);
}

/** The digests that the images have now; `null` for those that can't be resolved. */
async function resolveAll(
  parts: PinningParts,
  request: AdmissionRequest,
  { spec }: Pod,
  wanted: readonly Decided[],
  signal: AbortSignal,
): Promise<Pins> {
  const { outcomes } = await resolveTemplate(parts, request.namespace ?? '', spec, wanted, signal);
  recordRevision(parts, request, outcomes);
  return new Map(
    outcomes.map((outcome) => [outcome.field.image, outcome.result === 'pinned' ? outcome.pin.digest : null]),
  );
}
