import { expect, test } from 'vitest';
import { median, takeTurns } from '../../bench/turns.ts';

test.each([
  [[3], 3],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %j', (values, middle) => expect(median(values)).toBe(middle));

test('contenders take turns, and are compared round by round; the first rounds do not count', async () => {
  const taken: string[] = [];
  const contender = (name: string, ...rates: number[]) => {
    const left = rates.values();
    return async () => {
      taken.push(name);
      return { rate: left.next().value ?? Number.NaN };
    };
  };
  const contenders = { slow: contender('slow', 1000, 1, 10, 100), fast: contender('fast', 1, 3, 20, 400) };
  const turns = await takeTurns(contenders, 3, 1);
  expect(taken).toEqual(['slow', 'fast', 'slow', 'fast', 'slow', 'fast', 'slow', 'fast']);
  expect(turns.beside('slow', 'rate')).toMatchObject([
    { name: 'slow', value: 10, unit: 'rate' },
    { name: 'fast beside slow', value: 3, unit: '× rate', detail: { rate: 20 } },
  ]);
  expect(turns.added('slow', 'rate')).toMatchObject([{ name: 'added by fast to slow', value: 10 }]);
});
