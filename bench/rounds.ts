/** What one contender did in one round. */
export interface Measurement {
  readonly milliseconds: number;
  /** What was asked of the server: `HEAD /v2/…`. */
  readonly requests: readonly string[];
  readonly connections: number;
}

/** Somebody who does the same as the others, his way. */
export interface Contender {
  readonly name: string;
  /** What isn't measured: called before each round. */
  prepare?(): Promise<void>;
  run(): Promise<void>;
}

/** What the server has seen so far. */
export interface Watched {
  readonly requests: readonly string[];
  readonly connections: number;
}

/**
 * Lets each contender run once a round, so that whatever else the machine does falls on all of them alike. The first
 * rounds don't count.
 */
export async function runRounds(
  contenders: readonly Contender[],
  rounds: number,
  watch: () => Watched,
  warmUp = 2,
): Promise<Map<string, Measurement[]>> {
  const results = new Map<string, Measurement[]>(contenders.map(({ name }) => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const contender of contenders) {
      await contender.prepare?.();
      const before = watch();
      const [seen, connected] = [before.requests.length, before.connections];
      const started = performance.now();
      await contender.run();
      const milliseconds = performance.now() - started;
      const after = watch();
      const measurement = {
        milliseconds,
        requests: after.requests.slice(seen),
        connections: after.connections - connected,
      };
      if (round >= 0) results.get(contender.name)?.push(measurement);
    }
  }
  return results;
}

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
