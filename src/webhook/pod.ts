import { writtenImages } from '../pin/annotations.ts';
import { decide, leavesImages } from '../pin/decide.ts';
import type { Operation } from '../pin/json-patch.ts';
import { excessOf } from '../pin/limits.ts';
import type { Mode } from '../pin/opt-in.ts';
import { patchCreated, patchEphemeralContainers, patchUpdated } from '../pin/patch.ts';
import { type Pod, podSchema } from '../pin/pod.ts';
import { type PinSettings, podRules, whenGoneIn } from '../pin/settings.ts';
import { type ImageOutcome, pinImages } from '../resolve/pin-images.ts';
import { membershipOf } from '../revision/membership.ts';
import type { StoredRevision } from '../revision/pod-revision.ts';
import type { RevisionDigests } from '../revision/revision-digests.ts';
import { examineDigests } from './other-digests.ts';
import { credentialsOf, type PinningParts } from './pinning.ts';
import { expectOutcomes, record, recordExcess } from './record.ts';
import { type AdmissionRequest, InvalidReview, parseAs, type Verdict } from './review.ts';
import { remarkOnSecret, remarksOnPins, remarksOnSkipping, verdictOf } from './verdict.ts';

/** Answers for pods: CREATE, UPDATE, and UPDATE of `pods/ephemeralcontainers`. */
export type PodHandler = (request: AdmissionRequest, mode: Mode, signal: AbortSignal) => Promise<Verdict>;

/** @throws InvalidReview, from the handler, when the request's object is no pod */
export function createPodHandler(parts: PinningParts): PodHandler {
  expectOutcomes(parts.metrics);
  return async (request, mode, signal) => {
    if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') return { allowed: true };
    if (request.kind.group !== '' || request.kind.kind !== 'Pod') {
      throw new InvalidReview(`this path is for Pods; take ${request.kind.kind} out of the webhook's rules`);
    }
    const pod = parseAs(podSchema, request.object, 'Pod');
    const oldPod = request.operation === 'UPDATE' ? parseAs(podSchema, request.oldObject, 'Pod') : undefined;
    if (isExempt(request, pod, oldPod)) return { allowed: true };

    const namespace = request.namespace ?? '';
    const rules = podRules(parts.settings, mode);
    const excess = excessOf(pod);
    // A pod older than the opt-in must stay patchable, however large it is.
    if (excess !== undefined && !leavesImages(pod, oldPod))
      return verdictOnExcess(parts, request, pod, mode, excess);
    const decided = decide(pod, rules, oldPod);
    const revision = revisionOf(parts.revisions, request, pod);
    const whenGone = whenGoneIn(parts.settings, mode);
    // Where this webhook is called a second time, the digest that took a gone one's place is its own.
    const isOwn = whenGone === 'tag' && writtenImages(pod).size > 0;
    // An update is somebody's own: they may well want that digest.
    const known = oldPod === undefined && !isOwn ? revision : undefined;
    const others = await examineDigests(decided, known, mode, parts.settings, parts.metrics, signal);
    const { outcomes: pinned, brokenSecrets } = await pinImages(others.rest, {
      resolver: parts.resolver,
      credentials: credentialsOf(parts, namespace, pod.spec, signal),
      revision,
      whenGone,
      tenant: namespace,
      signal,
    });
    const outcomes = [...others.outcomes, ...pinned];
    record(parts, request, pod, mode, outcomes);
    const remarks = [
      ...(oldPod === undefined ? remarksOnSkipping(pod, mode, rules.honourSkipAnnotation) : []),
      ...brokenSecrets.map(remarkOnSecret),
      ...remarksOnPins(outcomes),
    ];
    return verdictOf(mode, outcomes, patchOf(parts.settings, request, pod, oldPod, outcomes), remarks);
  };
}

function verdictOnExcess(
  parts: PinningParts,
  request: AdmissionRequest,
  pod: Pod,
  mode: Mode,
  excess: string,
): Verdict {
  recordExcess(parts, request, pod, mode, excess);
  const message = `pod: ${excess}`;
  if (mode === 'enforce') return { allowed: false, message };
  const warning = mode === 'audit' ? "can't be pinned" : 'not pinned';
  return { allowed: true, warnings: [`${warning}: ${message}`] };
}

const MIRROR = 'kubernetes.io/config.mirror';

/**
 * Pods that are let through: those being deleted, and mirror pods, which only show a static pod that its node runs already.
 * Both are established by what the API server says and not by the pod itself: a new pod isn't being deleted, and only a
 * node creates mirror pods. A pod's own fields could claim it to bypass `enforce`.
 */
function isExempt({ userInfo }: AdmissionRequest, pod: Pod, oldPod: Pod | undefined): boolean {
  if (oldPod?.metadata.deletionTimestamp) return true;
  const byNode = userInfo.groups?.includes('system:nodes') ?? false;
  return byNode && pod.metadata.annotations?.[MIRROR] !== undefined;
}

/** A dry run doesn't affect later pods. */
function revisionOf(
  revisions: Pick<RevisionDigests, 'of'>,
  { namespace, dryRun }: AdmissionRequest,
  pod: Pod,
): StoredRevision | undefined {
  const membership = membershipOf(namespace ?? '', pod.metadata);
  return membership && revisions.of(membership, { remember: dryRun !== true });
}

function patchOf(
  settings: PinSettings,
  request: AdmissionRequest,
  pod: Pod,
  oldPod: Pod | undefined,
  outcomes: readonly ImageOutcome[],
): Operation[] {
  const pins = outcomes.flatMap((outcome) => (outcome.result === 'pinned' ? [outcome.pin] : []));
  if (request.subResource === 'ephemeralcontainers') return patchEphemeralContainers(pins, settings);
  return oldPod === undefined ? patchCreated(pod, pins, settings) : patchUpdated(pod, oldPod, pins, settings);
}
