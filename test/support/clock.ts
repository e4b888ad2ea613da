import type { Clock } from '../../src/credentials/cloud/token-cache.ts';

const MINUTE_MS = 60_000;

/** A clock that the test advances, starting at the real time. */
export class TestClock implements Clock {
  /** How far the machine's clock is ahead, in milliseconds. */
  skew = 0;
  #elapsed = 0;

  now(): number {
    return Date.now() + this.#elapsed + this.skew;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  pass(minutes: number): void {
    this.#elapsed += minutes * MINUTE_MS;
  }
}
