import type { Clock } from '../../src/clock.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that also advances when it is told to, and whose timers and monotonic time do nothing else. */
export class ManualClock implements Clock {
  /** How far the machine's clock is ahead, in milliseconds. */
  skew = 0;
  #elapsed = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return Date.now() + this.#elapsed + this.skew;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#elapsed + milliseconds, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers are running. */
  get running(): number {
    return this.#timers.size;
  }

  /** Lets time pass, firing what is due in order. */
  advance(milliseconds: number): void {
    const end = this.#elapsed + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#elapsed = next.at;
      next.callback();
    }
    this.#elapsed = end;
  }

  advanceMinutes(minutes: number): void {
    this.advance(minutes * 60_000);
  }
}
