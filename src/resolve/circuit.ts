import type { Clock } from '../clock.ts';
import type { RegistryError } from '../registry/error.ts';
import { type Random, spread } from './backoff.ts';

/** Failures in a row after which a circuit opens. */
export const FAILURES_TO_OPEN = 5;
const FIRST_PAUSE_MS = 500;
/** Short enough to probe a registry that has recovered within 5 s, jitter included. */
export const LONGEST_PAUSE_MS = 3_500;

/**
 * One circuit of a breaker: closed while requests are sent, open while they are known to fail. After a pause that grows,
 * one request may try; its success closes the circuit.
 */
export class Circuit {
  readonly #clock: Clock;
  readonly #random: Random;
  #lastSuccess = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #open: { since: number; until: number; pause: number; last: RegistryError } | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** The error of requests that aren't sent now; undefined when the next one may be. */
  refusal(): RegistryError | undefined {
    if (this.#open === undefined || this.#open.until <= this.#clock.elapsed()) return undefined;
    return this.#open.last.asUnsent({ reason: 'broken', note: NOTE });
  }

  /** To be called when a probe is sent: other requests fail until the next pause ends. */
  tried(): void {
    if (this.#open === undefined) return;
    this.#open.pause = Math.min(this.#open.pause * 2, LONGEST_PAUSE_MS);
    this.#open.until = this.#end(this.#open.pause);
  }

  succeeded(): void {
    this.#lastSuccess = this.#clock.elapsed();
    this.#failures = 0;
    this.#open = undefined;
  }

  /** @param started when the request was sent */
  failed(error: RegistryError, started: number): void {
    // A request sent before the last success says nothing of now: hung requests end late.
    if (started < this.#lastSuccess) return;
    this.#failures++;
    if (this.#open !== undefined) {
      this.#open.last = error;
      if (started > this.#open.since)
        this.#open.until = Math.max(this.#open.until, this.#end(this.#open.pause));
      return;
    }
    if (this.#failures < FAILURES_TO_OPEN) return;
    const since = this.#clock.elapsed();
    this.#open = { since, until: this.#end(FIRST_PAUSE_MS), pause: FIRST_PAUSE_MS, last: error };
  }

  #end(pause: number): number {
    return this.#clock.elapsed() + spread(pause, this.#random);
  }
}

/** Constant, so that Kubernetes aggregates events with this text. */
const NOTE = "several times in a row, so it isn't asked again for a moment";
