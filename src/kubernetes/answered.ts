import { named } from './call.ts';
import { KubernetesError } from './error.ts';

/**
 * What is being read; if the reader's time runs out first, that was the API server's doing, and the error says what was
 * asked of it.
 *
 * @throws KubernetesError, or what `reading` throws
 */
export async function answered<T>(reading: Promise<T>, path: string): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'TimeoutError') throw error;
    const details = { status: 0, reason: 'Timeout', cause: error };
    throw new KubernetesError(`${named({ method: 'GET', path })}: no answer in time`, details);
  }
}
