import type { Figure } from './figures.ts';
import { reviewOf } from './stage/reviews.ts';
import { startStage } from './stage/stage.ts';
import { takeTurns } from './turns.ts';

/** How much is measured. */
export interface Effort {
  /** In which all take their turns. */
  readonly rounds: number;
  /** Of one turn. */
  readonly milliseconds: number;
  /** Of what is counted: reviews, images, namespaces. */
  readonly percent: number;
}

/** Reviews a second of one process over TLS, beside a server that does nothing. */
export async function measureThroughput({ rounds, milliseconds }: Effort): Promise<Figure[]> {
  await using stage = await startStage();
  const server = await stage.tagpin({ settings: { cache: { age: '1h' } } });
  const images = [stage.push()];
  const stored = reviewOf({ images, revision: await stage.rollOut(server, '6d4cf56db6', images) });
  const warm = reviewOf({ images });
  const floor = await stage.floor(server, stored);
  const contenders = {
    'a bare server': stage.turn({ server: floor, review: stored }, milliseconds),
    'stored pins': stage.turn({ server, review: stored }, milliseconds),
    'warm cache': stage.turn({ server, review: warm }, milliseconds),
  };
  const turns = await takeTurns(contenders, rounds);
  const target = { atLeast: 0.75 };
  return turns.beside('a bare server', 'reviews/s', { 'stored pins': target, 'warm cache': target });
}
