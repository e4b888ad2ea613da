import { KubernetesError } from '../kubernetes/error.ts';

/** Thrown when a pod's revision can't be read: pinning without it might give its pods two digests. */
export class UnreadableRevision extends Error {
  override readonly name = 'UnreadableRevision';
  override readonly cause: KubernetesError;

  constructor(cause: KubernetesError) {
    super(cause.message, { cause });
    this.cause = cause;
  }
}

/**
 * The result of reading a revision.
 *
 * @throws UnreadableRevision
 */
export async function readable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof KubernetesError ? new UnreadableRevision(error) : error;
  }
}
