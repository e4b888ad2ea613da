import type { RegistryError } from '../registry/error.ts';
import { type Clock, wait } from './clock.ts';

/**
 * So much of a resolve's time may go by between requests. A webhook has 10 s at most; to refuse a pod is worse than to
 * have it wait a little, but whoever would wait for longer is better told at once how long it would be.
 */
const PATIENCE_MS = 5_000;

/** One resolve on its way: how long it may take, how long it has waited, and what it waits for. */
export class Errand {
  /** Ends it, requests and all. */
  readonly signal: AbortSignal;
  /** Aborts when nobody wants it any more: a request on its way goes on, but no other is begun. */
  readonly wanted: AbortSignal;
  /** What is in its way. Those whose time is over are told this, not that there was no answer. */
  obstacle: RegistryError | undefined;
  #patience = PATIENCE_MS;

  constructor(signal: AbortSignal, wanted: AbortSignal) {
    this.signal = signal;
    this.wanted = AbortSignal.any([signal, wanted]);
  }

  canWait(milliseconds: number): boolean {
    return milliseconds <= this.#patience;
  }

  async wait(clock: Clock, milliseconds: number): Promise<void> {
    this.#patience -= milliseconds;
    await wait(clock, milliseconds, this.wanted);
  }
}
