import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Digest } from '../image/digest.ts';
import { type Decided, decide } from '../pin/decide.ts';
import { fits, patchAnnotations } from '../pin/json-patch.ts';
import { excessOf } from '../pin/limits.ts';
import type { Pod } from '../pin/pod.ts';
import { rawTemplateOf, templateOf } from '../pin/pod-template.ts';
import { revisionRules } from '../pin/settings.ts';
import { walk } from '../pin/walk.ts';
import { existingRevision } from '../revision/existing-pods.ts';
import { hashOf, isRevisionKind, type RevisionKind } from '../revision/kinds.ts';
import { newestPins, type Pins, storePins } from '../revision/pins.ts';
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
    const kept =
      operation === 'UPDATE' ? keptPins(request, kind.kind, wanted) : { pins: none, missing: wanted };
    if (kept === undefined) return { allowed: true };

    const resolved = await resolveAll(parts, request, kind.kind, template, kept.missing, signal);
    const pins = new Map([...kept.pins, ...resolved]);
    if (pins.size === 0) {
      parts.metrics.revisions.inc({ kind: kind.kind, outcome: 'nothing' });
      return { allowed: true };
    }
    const changes = storePins(
      metadata.annotations,
      hash,
      pins,
      Date.now(),
      metadataOf(request.oldObject)?.annotations,
    );
    const fit = fits(metadata.annotations, changes);
    const change = Object.keys(changes).length === 0 ? 'unchanged' : 'stored';
    parts.metrics.revisions.inc({ kind: kind.kind, outcome: fit ? change : 'too_large' });
    return { allowed: true, patch: fit ? patchAnnotations(metadata.annotations, changes) : [] };
  };
}

const none: Pins = new Map();

const metadataOf = (object: unknown) => revisionSchema.safeParse(object).data?.metadata;

/**
 * The pins that an update keeps, and the images that need new ones. Only a ReplicaSet without an owner can have its template
 * changed: images that it had keep their digests, and those that it no longer has are forgotten. A revision without stored pins
 * gets none, because its pods have agreed on digests that aren't known here.
 *
 * The old object's pins count if they are newer: a manifest without annotations that replaces the whole object
 * (`kubectl replace`) isn't meant to remove them.
 */
function keptPins(
  { object, oldObject }: AdmissionRequest,
  kind: RevisionKind,
  wanted: readonly Decided[],
): { pins: Pins; missing: readonly Decided[] } | undefined {
  const [now, before] = [object, oldObject].map((version) => {
    const { annotations, labels } = metadataOf(version) ?? {};
    return newestPins(annotations, hashOf(kind, labels));
  });
  const newest = (before?.time ?? -1) > (now?.time ?? -1) ? before : now;
  if (newest === undefined) return undefined;
  if (isDeepStrictEqual(rawTemplateOf(kind, object), rawTemplateOf(kind, oldObject))) {
    return { pins: newest.pins, missing: [] };
  }
  const template = templateOf(kind, oldObject);
  const old = new Set(template && walk(template.spec).map(({ image }) => image));
  const digestOf = (image: string) => (old.has(image) ? newest.pins.get(image) : undefined);
  const pins = wanted.flatMap(({ field: { image } }): [string, Digest][] => {
    const digest = digestOf(image);
    return digest ? [[image, digest]] : [];
  });
  return { pins: new Map(pins), missing: wanted.filter(({ field }) => !digestOf(field.image)) };
}

/** The digests that the images have in pods that are there, else now; `null` for those that can't be resolved. */
async function resolveAll(
  parts: PinningParts,
  request: AdmissionRequest,
  kind: RevisionKind,
  template: Pod,
  wanted: readonly Decided[],
  signal: AbortSignal,
): Promise<Pins> {
  const namespace = request.namespace ?? '';
  const revision = existingRevision(parts, kind, namespace, request.object, template);
  const { outcomes } = await resolveTemplate(parts, namespace, template.spec, wanted, signal, revision);
  recordRevision(parts, request, outcomes);
  return new Map(
    outcomes.map((outcome) => [outcome.field.image, outcome.result === 'pinned' ? outcome.pin.digest : null]),
  );
}
