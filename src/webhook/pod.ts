import type { Credentials } from '../credentials/credentials.ts';
import type { Puller, PullSecrets } from '../credentials/pull-secrets.ts';
import { decide } from '../pin/decide.ts';
import type { Mode } from '../pin/mode.ts';
import {
  type Operation,
  type PatchOptions,
  patchCreated,
  patchEphemeralContainers,
  patchUpdated,
} from '../pin/patch.ts';
import { type Pod, podSchema } from '../pin/pod.ts';
import type { Resolver } from '../resolve/resolver.ts';
import { type Outcome, settle } from '../resolve/settle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { record } from './record.ts';
import { type AdmissionRequest, InvalidReview, parseAs, type Verdict } from './review.ts';
import { remarkOnSecret, remarksOnPins, remarksOnSkipping, verdictOf } from './verdict.ts';

/** What the configuration says of pinning pods. */
export interface PodSettings extends PatchOptions {
  /** Globs of images that are left alone in every namespace. */
  skip: readonly string[];
  /** The modes in which a pod's own `tagpin.dev/skip` counts. */
  honourSkipAnnotationIn: readonly Mode[];
}

export interface PodHandlerParts {
  resolver: Pick<Resolver, 'resolve'>;
  pullSecrets: Pick<PullSecrets, 'credentials'>;
  credentials: Pick<Credentials, 'find'>;
  settings: PodSettings;
  log: Logger;
  metrics: Metrics;
}

/** Answers for pods: CREATE, UPDATE, and UPDATE of `pods/ephemeralcontainers`. */
export type PodHandler = (request: AdmissionRequest, mode: Mode, signal: AbortSignal) => Promise<Verdict>;

/** @throws InvalidReview, from the handler, when the request's object is no pod */
export function createPodHandler(parts: PodHandlerParts): PodHandler {
  return async (request, mode, signal) => {
    if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') return { allowed: true };
    if (request.kind.group !== '' || request.kind.kind !== 'Pod') {
      throw new InvalidReview(`this path is for Pods; take ${request.kind.kind} out of the webhook's rules`);
    }
    const pod = parseAs(podSchema, request.object, 'Pod');
    const oldPod = request.operation === 'UPDATE' ? parseAs(podSchema, request.oldObject, 'Pod') : undefined;
    if (isExempt(request, pod, oldPod)) return { allowed: true };

    const honourSkipAnnotation = parts.settings.honourSkipAnnotationIn.includes(mode);
    const decided = decide(pod, { skip: parts.settings.skip, honourSkipAnnotation }, oldPod);
    const images = decided.filter(({ decision }) => decision.action === 'resolve').length;
    if (images > MAX_IMAGES) return tooMany(mode, images);
    const { outcomes, brokenSecrets } = await settle(decided, {
      resolver: parts.resolver,
      credentials: parts.credentials,
      pullCredentials: () => parts.pullSecrets.credentials(pullerOf(request, pod), signal),
      signal,
    });
    record(parts, request, pod, mode, outcomes);
    const remarks = [
      ...(oldPod === undefined ? remarksOnSkipping(pod, mode, honourSkipAnnotation) : []),
      ...brokenSecrets.map(remarkOnSecret),
      ...remarksOnPins(outcomes),
    ];
    return verdictOf(mode, outcomes, patchOf(parts.settings, request, pod, oldPod, outcomes), remarks);
  };
}

/** Far more than any pod that runs, and few enough to be answered in time. */
const MAX_IMAGES = 500;

function tooMany(mode: Mode, images: number): Verdict {
  const message = `the pod has ${images} images to resolve, and tagpin resolves at most ${MAX_IMAGES}; write digests`;
  return mode === 'enforce'
    ? { allowed: false, message }
    : { allowed: true, warnings: [`not pinned: ${message}`] };
}

const MIRROR = 'kubernetes.io/config.mirror';

/**
 * What passes without a look: pods on their way out, and mirror pods, which only show a static pod that its node runs
 * already. Both are what the API server says, not what the pod says of itself: a created pod isn't being deleted,
 * and only a node makes mirror pods. Anything less would be a way around `enforce`.
 */
function isExempt({ userInfo }: AdmissionRequest, pod: Pod, oldPod: Pod | undefined): boolean {
  if (oldPod?.metadata.deletionTimestamp) return true;
  const byNode = userInfo.groups?.includes('system:nodes') ?? false;
  return byNode && pod.metadata.annotations?.[MIRROR] !== undefined;
}

function pullerOf(request: AdmissionRequest, { spec }: Pod): Puller {
  return {
    namespace: request.namespace ?? '',
    imagePullSecrets: (spec.imagePullSecrets ?? []).map(({ name }) => name),
    serviceAccountName: spec.serviceAccountName || spec.serviceAccount || 'default',
  };
}

function patchOf(
  settings: PodSettings,
  request: AdmissionRequest,
  pod: Pod,
  oldPod: Pod | undefined,
  outcomes: readonly Outcome[],
): Operation[] {
  const pins = outcomes.flatMap((outcome) => (outcome.result === 'pinned' ? [outcome.pin] : []));
  if (request.subResource === 'ephemeralcontainers') return patchEphemeralContainers(pins, settings);
  return oldPod === undefined ? patchCreated(pod, pins, settings) : patchUpdated(pod, oldPod, pins, settings);
}
