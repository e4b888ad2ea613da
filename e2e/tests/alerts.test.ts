import { describe, expect, test } from 'vitest';
import { failuresIn, situations } from '../../test/monitoring/promtool.ts';

describe('alerts ring, or stay silent, when', () => {
  test.each(situations)('$name', async (situation) => {
    expect(await failuresIn(situation)).toBe('');
  });
});
