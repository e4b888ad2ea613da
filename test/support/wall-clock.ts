import { setTimeout as delay } from 'node:timers/promises';
import type { WallClock } from '../../src/certificate/served-certificate.ts';

/** A clock that runs faster than the machine's, and can be advanced. */
export class FastClock implements WallClock {
  readonly #speed: number;
  readonly #started = performance.now();
  #start: number;

  /** @param start milliseconds since 1970 */
  constructor(start: number, speed: number) {
    this.#start = start;
    this.#speed = speed;
  }

  now(): number {
    return this.#start + (performance.now() - this.#started) * this.#speed;
  }

  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    await delay(milliseconds / this.#speed, undefined, { signal });
  }

  advance(milliseconds: number): void {
    this.#start += milliseconds;
  }
}
