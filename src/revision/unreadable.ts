import { answered } from '../kubernetes/answered.ts';
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

/**
 * What is read of a revision.
 *
 * @throws UnreadableRevision
 */
export async function readable<T>(reading: Promise<T>, path: string): Promise<T> {
  try {
    return await answered(reading, path);
  } catch (error) {
    throw error instanceof KubernetesError ? new UnreadableRevision(error) : error;
  }
}
