import type { PullSecrets } from '../../credentials/pull-secrets.ts';
import { KubernetesError } from '../../kubernetes/error.ts';
import type { ImageCheck, ImageUse } from '../../preflight/image-use.ts';
import { explain } from '../../resolve/failure.ts';
import type { Outcome } from '../../resolve/pin-images.ts';
import { verdictOf } from '../../webhook/verdict.ts';
import { remedyFor } from '../api-server.ts';
import type { Lookups } from '../lookup.ts';

export interface ImageMeans {
  pullSecrets: Pick<PullSecrets, 'credentials'>;
  lookups: Pick<Lookups, 'lookup'>;
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
  let pullCredentials: Awaited<ReturnType<PullSecrets['credentials']>>;
  try {
    pullCredentials = await means.pullSecrets.credentials(use.puller, means.signal);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    const message = `its pull secrets can't be read: ${error.message}; ${remedyFor(error)}`;
    return { ...use, state: 'unknown', message };
  }
  const found = await means.lookups.lookup(decision.reference, pullCredentials);
  if (found.failure !== undefined) {
    const { failure } = found;
    return refused(use, { field, result: 'failed', failure, error: failure, milliseconds: 0 });
  }
  const { digest, credential } = found;
  return { ...use, state: 'pinned', digest, credential: credential?.source ?? 'anonymous' };
}

/** In the webhook's own words. */
function refused(use: ImageUse, outcome: Outcome): ImageCheck {
  const verdict = verdictOf('enforce', [outcome], [], []);
  return { ...use, state: 'refused', message: verdict.message ?? '' };
}
