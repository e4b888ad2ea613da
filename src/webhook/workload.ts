import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { KubernetesError } from '../kubernetes/error.ts';
import { decide } from '../pin/decide.ts';
import { type Operation, patchAnnotations } from '../pin/json-patch.ts';
import { excessOf } from '../pin/limits.ts';
import type { Mode } from '../pin/opt-in.ts';
import { rawTemplateOf, templateOf } from '../pin/pod-template.ts';
import { podRules } from '../pin/settings.ts';
import { earlierPins, hasHistory } from '../revision/history.ts';
import { type Pins, pinKeys } from '../revision/pins.ts';
import { type PinningParts, resolveTemplate } from './pinning.ts';
import { type AdmissionRequest, InvalidReview, parseAs, type Verdict } from './review.ts';
import { consequenceIn, remarkOnSecret, remarksOnSkipping, warningsOnTemplate } from './verdict.ts';

const workloadKinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob', 'Job'] as const;
const workloadKind = z.enum(workloadKinds);

const workloadSchema = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).nullish() }),
});

/**
 * Answers for workloads: warns the person who applies one of images that can't be pinned, because the warnings on its pods
 * reach only a controller. What is resolved here is cached for the revision that follows.
 *
 * @throws InvalidReview, from the handler, when the request's object is none
 */
export function createWorkloadHandler(
  parts: PinningParts,
): (request: AdmissionRequest, mode: Mode, signal: AbortSignal) => Promise<Verdict> {
  return async (request, mode, signal) => {
    if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') return { allowed: true };
    const kind = workloadKind.safeParse(request.kind.kind);
    if (!kind.success) {
      throw new InvalidReview(
        `this path is for workloads; take ${request.kind.kind} out of the webhook's rules`,
      );
    }
    const patch = withoutPins(request, kind.data);
    const template = templateOf(kind.data, request.object);
    const [now, before] = [request.object, request.oldObject].map((object) =>
      rawTemplateOf(kind.data, object),
    );
    if (template === undefined || isDeepStrictEqual(now, before)) return { allowed: true, patch };

    const excess = excessOf(template);
    if (excess !== undefined) {
      return { allowed: true, patch, warnings: [`${consequenceIn(mode)}: ${excess}`] };
    }
    const rules = podRules(parts.settings, mode);
    const known = await earlier(parts, request, signal);
    if (known instanceof KubernetesError && signal.aborted) {
      const warning = `images not looked at: its earlier revisions can't be read: ${known.message}`;
      return { allowed: true, patch, warnings: [warning] };
    }
    const pins = known instanceof KubernetesError ? undefined : known;
    const decided = decide(template, rules).filter(
      ({ field, decision }) => decision.action !== 'resolve' || !pins?.get(field.image),
    );
    const resolving = resolveTemplate(parts, request.namespace ?? '', template.spec, decided, signal);
    const { outcomes, brokenSecrets } = await resolving;
    const warnings = [
      ...warningsOnTemplate(mode, outcomes),
      ...brokenSecrets.map(remarkOnSecret),
      ...remarksOnSkipping(template, mode, rules.honourSkipAnnotation),
    ];
    return { allowed: true, patch, warnings };
  };
}

/**
 * The stored pins of the revision that the workload goes back to: they need no registry. Without them the
 * person may get a spurious warning.
 */
async function earlier(
  { kubernetes, log }: PinningParts,
  { operation, kind: { kind }, namespace, object }: AdmissionRequest,
  signal: AbortSignal,
): Promise<Pins | KubernetesError | undefined> {
  if (operation !== 'UPDATE' || !hasHistory(kind)) return undefined;
  try {
    return await earlierPins(kubernetes, kind, namespace ?? '', object, signal);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    log.warn({ err: error, namespace, kind }, "earlier revisions can't be read");
    return error;
  }
}

/**
 * Removes from a Deployment the pins that `kubectl rollout undo` has copied to it from a ReplicaSet. It is cosmetic: leftover
 * pins would confuse people.
 */
function withoutPins({ operation, object }: AdmissionRequest, kind: string): Operation[] {
  if (operation !== 'UPDATE' || kind !== 'Deployment') return [];
  const { annotations } = parseAs(workloadSchema, object, kind).metadata;
  return patchAnnotations(annotations, Object.fromEntries(pinKeys(annotations).map((name) => [name, null])));
}
