import type { Lookup } from '../../access/lookups.ts';
import type { Progress } from '../../console/terminal.ts';
import type { Digest } from '../../image/digest.ts';
import { pullReference, type Reference } from '../../image/reference.ts';
import type { Lock } from '../../manifest/lock.ts';
import { sentence } from '../../resolve/failure.ts';

type LookUp = (reference: Reference) => Promise<Lookup>;

/** The digest of an image as written, or why there is none. */
export type DigestResult = { digest: Digest; from: 'lock' | 'registry' } | { label: string; message: string };

/** Finds digests in the lock, and by lookups, if there are any. Equal images are looked up once. */
export class Digests {
  readonly #lock: Lock;
  readonly #isUpdated: (image: string) => boolean;
  readonly #lookUp: LookUp | undefined;
  readonly #progress: Progress;
  readonly #interruption: Promise<DigestResult>;
  readonly #asked = new Map<string, Promise<DigestResult>>();
  /** Digests from registries, by image as written. */
  readonly #found = new Map<string, Digest>();

  constructor({ lock, isUpdated, lookUp, progress, interrupted }: DigestParts) {
    this.#lock = lock;
    this.#isUpdated = isUpdated;
    this.#lookUp = lookUp;
    this.#progress = progress;
    this.#interruption = interruptionOf(interrupted);
  }

  /** Never rejects, and doesn't outlast an interruption. */
  async of(written: string, reference: Reference): Promise<DigestResult> {
    const locked = this.#isUpdated(written) ? undefined : this.#lock.get(written);
    if (locked !== undefined) return { digest: locked, from: 'lock' };
    if (this.#lookUp === undefined) {
      return {
        label: 'not_locked',
        message: "the lock file doesn't have it; run without --frozen to add it",
      };
    }
    const key = pullReference(reference);
    const asked = this.#asked.get(key) ?? this.#ask(reference, written, this.#lookUp);
    this.#asked.set(key, asked);
    const answer = await asked;
    if ('digest' in answer) this.#found.set(written, answer.digest);
    return answer;
  }

  /** The lock with the digests found. */
  get all(): Lock {
    return new Map([...this.#lock, ...this.#found]);
  }

  /** The number of images looked up. */
  get count(): number {
    return this.#asked.size;
  }

  async #ask(reference: Reference, written: string, lookUp: LookUp): Promise<DigestResult> {
    this.#progress.begin(written);
    const answer = await Promise.race([this.#interruption, resultOf(lookUp(reference))]);
    this.#progress.finish(written);
    return answer;
  }
}

/** One promise for all images, because a listener for each could be thousands. */
function interruptionOf(signal: AbortSignal): Promise<DigestResult> {
  return new Promise((resolve) => {
    const end = () => resolve({ label: INTERRUPTED, message: 'interrupted' });
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

/** The label of an image whose lookup was interrupted. */
export const INTERRUPTED = 'interrupted';

export interface DigestParts {
  lock: Lock;
  isUpdated: (image: string) => boolean;
  /** Undefined if no registry is to be asked. */
  lookUp: LookUp | undefined;
  progress: Progress;
  interrupted: AbortSignal;
}

async function resultOf(lookup: Promise<Lookup>): Promise<DigestResult> {
  const found = await lookup;
  return found.failure === undefined
    ? { digest: found.digest, from: 'registry' }
    : { label: found.failure.label, message: sentence(found.failure) };
}
