import { Singleflight } from '../singleflight.ts';
import type { KubernetesApi } from './api.ts';
import { named } from './call.ts';
import { KubernetesError } from './error.ts';
import { pathOf } from './resources.ts';
import { TooManyWaiting, type Turns } from './turns.ts';

/** Milliseconds that a read may take, the wait for its turn included: as long as the API server waits for a review. */
const READ_TIMEOUT_MS = 10_000;

/** What is to be read, and in which namespace's turn. */
export interface ReadTarget {
  namespace: string;
  path: string;
  /** What tells the read from others of that path: of a list, what is selected. */
  key?: string;
}

/**
 * Reads on behalf of reviews. Reviews that want the same at the same time share one read, which waits for its namespace's
 * turn. A read that no review waits for any more isn't begun, or is aborted.
 */
export class SharedReads<T> {
  readonly #reads = new Singleflight<T>(READ_TIMEOUT_MS);
  readonly #turns: Turns | undefined;

  /** @param turns bounds the reads at once; without it there is no bound */
  constructor(turns?: Turns) {
    this.#turns = turns;
  }

  /** @throws KubernetesError, also when the time runs out; or what the signal was aborted with */
  get(target: ReadTarget, signal: AbortSignal, read: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { namespace, path, key = '' } = target;
    return this.#reads.join(`${path} ${key}`, signal, async (deadline, abandoned, progress) => {
      const ended = AbortSignal.any([deadline, abandoned]);
      const asked = performance.now();
      progress.obstacle = () => tooManyWaiting(path);
      const end = await this.#turns?.take(namespace, ended).catch(rethrow(path));
      const begun = performance.now();
      // Whichever took longer is the reason: a read that waited for seconds may have been under way for a millisecond.
      progress.obstacle = () =>
        performance.now() - begun < begun - asked ? tooManyWaiting(path) : unanswered(path);
      try {
        return await read(ended);
      } catch (error) {
        throw abandoned.aborted ? abandoned.reason : error;
      } finally {
        end?.();
      }
    });
  }
}

/** The same lists, each in its namespace's turn. */
export function inTurns({ list }: Pick<KubernetesApi, 'list'>, turns: Turns): Pick<KubernetesApi, 'list'> {
  return {
    async *list(resource, namespace, shape, signal, options) {
      const path = pathOf(resource, namespace) ?? '';
      const end = await turns.take(namespace ?? '', signal).catch(rethrow(path));
      try {
        yield* list(resource, namespace, shape, signal, options);
      } finally {
        end();
      }
    },
  };
}

/** Turns what ended the wait for a turn into the error that says so. */
function rethrow(path: string): (error: unknown) => never {
  return (error) => {
    const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
    throw isTimeout || error instanceof TooManyWaiting ? tooManyWaiting(path) : error;
  };
}

const request = (path: string) => named({ method: 'GET', path });

const unanswered = (path: string) =>
  new KubernetesError(`${request(path)}: no answer in time`, { status: 0, reason: 'Timeout' });

const tooManyWaiting = (path: string) =>
  new KubernetesError(`${request(path)}: too many reads of this namespace are waiting`, {
    status: 0,
    reason: 'TooManyWaiting',
  });
