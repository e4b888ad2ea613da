import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { deadlineIn } from '../src/deadline.ts';

test('its signal aborts as that of a timeout does', async () => {
  const { signal } = deadlineIn(10);
  await delay(50);
  expect([signal.aborted, signal.reason.name]).toEqual([true, 'TimeoutError']);
});

test('disposed of, it never aborts', async () => {
  const deadline = deadlineIn(10);
  deadline[Symbol.dispose]();
  await delay(50);
  expect(deadline.signal.aborted).toBe(false);
});
