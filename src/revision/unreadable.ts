import { KubernetesError } from '../kubernetes/error.ts';

/** Thrown when a pod's revision can't be read: to pin without it might give its pods two digests. */
export class UnreadableRevision extends Error {
  override readonly name = 'UnreadableRevision';
  override readonly cause: KubernetesError;

  constructor(cause: KubernetesError) {
    super(cause.message, { cause });
    this.cause = cause;
  }
}

/** To be thrown in place of what went wrong when reading a revision. Time that ran out was the API server's. */
export function unreadable(error: unknown): unknown {
  if (error instanceof KubernetesError) return new UnreadableRevision(error);
  if (!(error instanceof DOMException) || error.name !== 'TimeoutError') return error;
  return new UnreadableRevision(
    new KubernetesError('no answer in time', { status: 0, reason: 'Timeout', cause: error }),
  );
}
