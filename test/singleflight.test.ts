import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type FlightProgress, Singleflight } from '../src/singleflight.ts';

const patient = () => AbortSignal.timeout(5_000);

test('callers with the same key at the same time share one call', async () => {
  const flights = new Singleflight<number>(1_000);
  let starts = 0;
  const work = async () => {
    starts++;
    await delay(10);
    return 42;
  };
  const results = await Promise.all([1, 2, 3].map(() => flights.join('a', patient(), work)));
  expect([results, starts]).toEqual([[42, 42, 42], 1]);
});

test('work is done again once it has ended', async () => {
  const flights = new Singleflight<number>(1_000);
  let starts = 0;
  const work = async () => ++starts;
  await flights.join('a', patient(), work);
  expect(await flights.join('a', patient(), work)).toBe(2);
});

test("the deadline of the first caller doesn't affect those who joined", async () => {
  const flights = new Singleflight<string>(1_000);
  const work = async (signal: AbortSignal) => {
    await delay(60, undefined, { signal });
    return 'done';
  };
  const first = flights.join('a', AbortSignal.timeout(10), work);
  const second = flights.join('a', patient(), work);
  await expect(first).rejects.toMatchObject({ name: 'TimeoutError' });
  await expect(second).resolves.toBe('done');
});

test('the work has a time limit of its own', async () => {
  const flights = new Singleflight<void>(20);
  const work = (signal: AbortSignal) => delay(1_000, undefined, { signal });
  await expect(flights.join('a', patient(), work)).rejects.toMatchObject({ name: 'AbortError' });
});

test('a failure after all callers have left is harmless', async () => {
  const flights = new Singleflight<void>(1_000);
  const work = async () => {
    await delay(20);
    throw new Error('too late');
  };
  await expect(flights.join('a', AbortSignal.timeout(1), work)).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  await delay(40);
  expect(flights.size).toBe(0);
});

test('the work is aborted once all callers have left', async () => {
  const flights = new Singleflight<void>(1_000);
  let unwanted = false;
  const work = async (_signal: AbortSignal, wanted: AbortSignal) => {
    wanted.addEventListener('abort', () => {
      unwanted = true;
    });
    await delay(100);
  };
  const first = flights.join('a', AbortSignal.timeout(10), work);
  const second = flights.join('a', AbortSignal.timeout(40), work);
  await expect(first).rejects.toThrow();
  expect(unwanted).toBe(false);
  await expect(second).rejects.toThrow();
  expect(unwanted).toBe(true);
});

test('a caller that comes after the work was aborted starts it again', async () => {
  const flights = new Singleflight<string>(1_000);
  let starts = 0;
  const work = async (_signal: AbortSignal, wanted: AbortSignal) => {
    starts++;
    // It takes a moment to end.
    await delay(40);
    wanted.throwIfAborted();
    return 'done';
  };
  await expect(flights.join('a', AbortSignal.timeout(10), work)).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  expect(await flights.join('a', patient(), work)).toBe('done');
  expect(starts).toBe(2);
});

test('a caller that comes back in time joins the work under way', async () => {
  const flights = new Singleflight<string>(1_000);
  let starts = 0;
  const work = async () => {
    starts++;
    await delay(40);
    return 'done';
  };
  await expect(flights.join('a', AbortSignal.timeout(10), work)).rejects.toThrow();
  expect([await flights.join('a', patient(), work), starts]).toEqual(['done', 1]);
});

test('a caller whose time runs out is told what the work waits for at that moment', async () => {
  const flights = new Singleflight<void>(1_000);
  const work = async (signal: AbortSignal, _abandoned: AbortSignal, progress: FlightProgress) => {
    progress.obstacle = () => new Error('waiting for a turn');
    await delay(40, undefined, { signal });
    progress.obstacle = () => new Error('waiting for an answer');
    await delay(500, undefined, { signal });
  };
  const first = flights.join('a', AbortSignal.timeout(10), work);
  const second = flights.join('a', AbortSignal.timeout(200), work);
  await expect(first).rejects.toThrow('waiting for a turn');
  await expect(second).rejects.toThrow('waiting for an answer');
});

test('a caller that gives up for another reason is told that reason', async () => {
  const flights = new Singleflight<void>(1_000);
  const controller = new AbortController();
  const joined = flights.join('a', controller.signal, async (signal, _abandoned, progress) => {
    progress.obstacle = () => new Error('waiting');
    await delay(500, undefined, { signal });
  });
  controller.abort(new Error('shutting down'));
  await expect(joined).rejects.toThrow('shutting down');
});
