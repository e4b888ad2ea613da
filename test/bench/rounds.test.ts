import { expect, test } from 'vitest';
import { type Contender, median, runRounds } from '../../bench/rounds.ts';

test.each([
  [[3], 3],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %j', (values, middle) => expect(median(values)).toBe(middle));

test('contenders take turns, each with what it asked for, and the first rounds do not count', async () => {
  const requests: string[] = [];
  const contender = (name: string, asks: number): Contender => ({
    name,
    run: async () => void requests.push(...Array.from({ length: asks }, () => name)),
  });
  const watch = () => ({ requests, connections: requests.length });
  const results = await runRounds([contender('a', 1), contender('b', 2)], 2, watch, 1);
  expect(requests).toEqual(['a', 'b', 'b', 'a', 'b', 'b', 'a', 'b', 'b']);
  expect(results.get('b')?.map(({ requests, connections }) => [requests, connections])).toEqual([
    [['b', 'b'], 2],
    [['b', 'b'], 2],
  ]);
  expect(results.get('a')).toHaveLength(2);
});
