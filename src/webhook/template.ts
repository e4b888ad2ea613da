import type { Decided } from '../pin/decide.ts';
import type { PodSpec } from '../pin/pod.ts';
import { type PinnedImages, pinImages } from '../resolve/pin-images.ts';
import { credentialsOf, type PinningParts } from './pinning.ts';

/** Milliseconds. A new revision gets the digests of now, and the objects of one rollout are created within this. */
export const FRESH_MS = 2_000;

/** Resolves the images of a template as they are now, with the credentials that its pods will have. */
export function resolveTemplate(
  parts: PinningParts,
  namespace: string,
  spec: PodSpec,
  decided: readonly Decided[],
  signal: AbortSignal,
): Promise<PinnedImages> {
  return pinImages(decided, {
    resolver: parts.resolver,
    credentials: credentialsOf(parts, namespace, spec, signal),
    maxAge: FRESH_MS,
    tenant: namespace,
    signal,
  });
}
