import type { Decided } from '../pin/decide.ts';
import type { PodSpec } from '../pin/pod.ts';
import { type Settled, settle } from '../resolve/pin-images.ts';
import { pullIdentityOf } from '../resolve/pull-identity.ts';
import { MAX_IMAGES, type PinningParts } from './pinning.ts';

/** Milliseconds: what is made now is to have what its tags are now, and a rollout's objects are made within this. */
export const FRESH_MS = 2_000;

/** Brings decisions over a template to their outcome: as things are now, with the credentials its pods will have. */
export function settleTemplate(
  { resolver, credentials, pullSecrets }: PinningParts,
  namespace: string,
  spec: PodSpec,
  decided: readonly Decided[],
  signal: AbortSignal,
): Promise<Settled> {
  return settle(decided.slice(0, MAX_IMAGES), {
    resolver,
    credentials,
    pullCredentials: () => pullSecrets.credentials(pullIdentityOf(namespace, spec), signal),
    maxAge: FRESH_MS,
    signal,
  });
}
