import type { Lookups } from '../../access/lookups.ts';
import type { PullSecrets } from '../../credentials/pull-secrets.ts';
import { KubernetesError } from '../../kubernetes/error.ts';
import type { ImageCheck, ImageUse } from '../../preflight/image-use.ts';
import { explain, sentence } from '../../resolve/failure.ts';
import type { ImageOutcome } from '../../resolve/pin-images.ts';
import { verdictOf } from '../../webhook/verdict.ts';

export interface ImageMeans {
  pullSecrets: Pick<PullSecrets, 'credentials'>;
  lookups: Pick<Lookups, 'lookup' | 'forPod'>;
  signal: AbortSignal;
}

/** What `enforce` would do with an image. Never rejects. */
export async function checkImage(use: ImageUse, means: ImageMeans): Promise<ImageCheck> {
  const { field, decision } = use.decided;
  switch (decision.action) {
    case 'leave':
      return { ...use, state: 'left', reason: decision.reason };
    case 'refuse': {
      const failure = explain(decision.error);
      return refused(use, { field, result: 'failed', failure, error: decision.error, milliseconds: 0 });
    }
    case 'remember':
    case 'resolve':
  }
  const { lookups, pullSecrets, signal } = means;
  const credentials = lookups.forPod(() => pullSecrets.credentials(use.puller, signal));
  const found = await lookups.lookup(decision.reference, credentials);
  if (found.failure !== undefined) {
    const { failure, error } = found;
    if (error instanceof KubernetesError) return { ...use, state: 'unknown', message: sentence(failure) };
    return refused(use, { field, result: 'failed', failure, error: failure, milliseconds: 0 });
  }
  const { digest, credential } = found;
  return { ...use, state: 'pinned', digest, credential: credential?.source ?? 'anonymous' };
}

/** In the webhook's own words. */
function refused(use: ImageUse, outcome: ImageOutcome): ImageCheck {
  const verdict = verdictOf('enforce', [outcome], [], []);
  return { ...use, state: 'refused', message: verdict.message ?? '' };
}
