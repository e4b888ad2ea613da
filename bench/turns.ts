import type { Figure } from './figures.ts';

/** What a contender did in one turn: `{ 'reviews/s': 12000, 'p50 ms': 1.2 }`. */
export type Turn = Readonly<Record<string, number>>;

/**
 * Lets each contender take a turn in each round, so that what else the machine does falls on all of them alike. The
 * first rounds, which warm up, don't count.
 */
export async function takeTurns(
  contenders: Readonly<Record<string, () => Promise<Turn>>>,
  rounds: number,
  warmUp = 1,
): Promise<Turns> {
  const turns: Record<string, Turn[]> = {};
  for (let round = -warmUp; round < rounds; round++) {
    for (const [name, take] of Object.entries(contenders)) {
      const turn = await take();
      if (round >= 0) turns[name] = [...(turns[name] ?? []), turn];
    }
  }
  return new Turns(turns);
}

/** The turns that contenders took, round by round, and how they compare. */
export class Turns {
  readonly #turns: Readonly<Record<string, readonly Turn[]>>;

  constructor(turns: Readonly<Record<string, readonly Turn[]>>) {
    this.#turns = turns;
  }

  /** A measure of every contender beside one of them: the median of the ratios, each of two turns of one round. */
  beside(base: string, measure: string, targets: Readonly<Record<string, Figure['target']>> = {}): Figure[] {
    return Object.keys(this.#turns).map((name): Figure => {
      const detail = this.#medians(name);
      if (name === base) return { name, value: detail[measure] ?? Number.NaN, unit: measure, detail };
      const value = this.#compare(name, base, measure, (one, two) => one / two);
      const target = targets[name];
      return {
        name: `${name} beside ${base}`,
        value,
        unit: `× ${measure}`,
        ...(target && { target }),
        detail,
      };
    });
  }

  /** What every other contender adds to this one: the median of the differences. */
  added(base: string, measure: string): Figure[] {
    const others = Object.keys(this.#turns).filter((name) => name !== base);
    return others.map((name) => {
      const value = this.#compare(name, base, measure, (one, two) => one - two);
      return { name: `added by ${name} to ${base}`, value, unit: measure };
    });
  }

  #compare(name: string, other: string, measure: string, compare: (one: number, two: number) => number) {
    const others = this.#values(other, measure);
    const values = this.#values(name, measure);
    return median(values.map((value, round) => compare(value, others[round] ?? Number.NaN)));
  }

  #medians(name: string): Turn {
    const measures = Object.keys(this.#turns[name]?.[0] ?? {});
    return Object.fromEntries(measures.map((measure) => [measure, median(this.#values(name, measure))]));
  }

  #values(name: string, measure: string): number[] {
    return (this.#turns[name] ?? []).map((turn) => turn[measure] ?? Number.NaN);
  }
}

/** A turn of which only the time is measured; not that of `prepare`. */
export const timed = (run: () => Promise<unknown>, prepare?: () => Promise<unknown>) => async () => {
  await prepare?.();
  const started = performance.now();
  await run();
  return { ms: performance.now() - started };
};

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
