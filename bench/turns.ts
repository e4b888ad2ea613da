import type { Effort } from './figure.ts';
import type { Load } from './load/load.ts';
import type { Order } from './load/order.ts';
import { requestOf } from './reviews.ts';
import { median } from './rounds.ts';
import { cpuOf } from './servers/process.ts';
import type { ReviewServer } from './servers/server.ts';

/** As many as the API server has open to a webhook that is busy, more or less. */
export const CONNECTIONS = 16;

/** A server, and what it is asked. */
export interface Contender {
  readonly server: ReviewServer;
  /** As JSON. */
  readonly review: string;
  readonly variants?: number;
  readonly expected: string;
}

/** What a contender did in one turn. */
export interface Turn {
  /** Reviews a second. */
  readonly rate: number;
  /** Microseconds of a core that the server took for a review: what others do on the machine changes it little. */
  readonly cpu: number;
  /** How much of one core the server took, and how much the load generator. */
  readonly serverLoad: number;
  readonly generatorLoad: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export function orderOf({ server, review, variants = 1, expected }: Contender): Omit<Order, 'until'> {
  const { port, ca, servername } = server;
  return {
    port,
    ca,
    servername,
    request: requestOf(review, server),
    variants,
    connections: CONNECTIONS,
    expected,
  };
}

/**
 * Lets each contender serve once a round, so that whatever else the machine does falls on all of them alike. Each has
 * a turn before that doesn't count.
 */
export async function takeTurns<Name extends string>(
  load: Load,
  contenders: Readonly<Record<Name, Contender>>,
  { rounds, milliseconds }: Pick<Effort, 'rounds' | 'milliseconds'>,
): Promise<Map<Name, Turn[]>> {
  const turns = new Map<Name, Turn[]>();
  for (let round = -1; round < rounds; round++) {
    for (const name in contenders) {
      const contender = contenders[name];
      const before = cpuOf(contender.server.pid);
      const outcome = await load.send({ ...orderOf(contender), until: { milliseconds } });
      const cpu = cpuOf(contender.server.pid) - before;
      const { answers, generatorLoad, p50, p99 } = outcome;
      const turn = {
        rate: (answers / outcome.milliseconds) * 1000,
        cpu: (cpu / answers) * 1000,
        serverLoad: cpu / outcome.milliseconds,
        generatorLoad,
        p50,
        p99,
      };
      if (round >= 0) turns.set(name, [...(turns.get(name) ?? []), turn]);
    }
  }
  return turns;
}

/** The middle of what all the turns have. */
export function middle(turns: readonly Turn[] | undefined, of: keyof Turn): number {
  return median((turns ?? []).map((turn) => turn[of]));
}

/** The middle of the ratios, each of two turns of one round. */
export function ratio(
  turns: readonly Turn[] | undefined,
  others: readonly Turn[] | undefined,
  of: keyof Turn = 'rate',
): number {
  return median((turns ?? []).map((turn, round) => turn[of] / (others?.[round]?.[of] ?? Number.NaN)));
}
