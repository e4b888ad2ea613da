import type { Clock } from '../../src/clock.ts';

/** A clock that runs faster than the machine's, and can be advanced. */
export class FastClock implements Clock {
  readonly #speed: number;
  readonly #started = performance.now();
  #start: number;

  /** @param start milliseconds since 1970 */
  constructor(start: number, speed: number) {
    this.#start = start;
    this.#speed = speed;
  }

  now(): number {
    return this.#start + this.elapsed();
  }

  elapsed(): number {
    return (performance.now() - this.#started) * this.#speed;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = setTimeout(callback, milliseconds / this.#speed);
    return () => clearTimeout(timer);
  }

  advance(milliseconds: number): void {
    this.#start += milliseconds;
  }
}
