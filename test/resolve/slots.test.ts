import { describe, expect, test } from 'vitest';
import { SLOW_MS, Slots } from '../../src/resolve/slots.ts';
import { ManualClock } from './manual-clock.ts';

const never = new AbortController().signal;

function slotsOf(concurrency: number, queue = 100) {
  const clock = new ManualClock();
  const seen = { inFlight: 0, waiting: 0 };
  const slots = new Slots({ concurrency, queue }, clock, {
    inFlight(change) {
      seen.inFlight += change;
    },
    waiting(change) {
      seen.waiting += change;
    },
  });
  return { clock, seen, slots };
}

/** Notes in `order` when it is let in. */
async function enter(slots: Slots, order: string[], name: string) {
  const leave = await slots.enter(name.charAt(0), never);
  order.push(name);
  return leave;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('no more are in than there are slots, and the others follow as those leave', async () => {
  const { slots, seen } = slotsOf(2);
  const order: string[] = [];
  const all = ['a1', 'a2', 'a3', 'a4'].map((name) => enter(slots, order, name));
  await settled();
  expect(order).toEqual(['a1', 'a2']);
  expect(seen).toEqual({ inFlight: 2, waiting: 2 });
  (await all[0])?.();
  await settled();
  expect(order).toEqual(['a1', 'a2', 'a3']);
  for (const entered of all.slice(1, 3)) (await entered)();
  (await all[3])?.();
  expect(seen).toEqual({ inFlight: 0, waiting: 0 });
});

test('leaving twice frees one slot', async () => {
  const { slots, seen } = slotsOf(1);
  const leave = await slots.enter('a', never);
  leave();
  leave();
  await slots.enter('a', never);
  void slots.enter('a', never);
  await settled();
  expect(seen).toEqual({ inFlight: 1, waiting: 1 });
});

test('who has sent little does not wait for who has sent much', async () => {
  const { slots } = slotsOf(1);
  const order: string[] = [];
  const leave = await slots.enter('a', never);
  const all = ['a1', 'a2', 'a3', 'b1'].map((name) => enter(slots, order, name));
  leave();
  for (const entered of all) void entered.then((left) => left());
  await Promise.all(all);
  expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
});

test('who gives up leaves the queue', async () => {
  const { slots, seen } = slotsOf(1);
  const leave = await slots.enter('a', never);
  const impatient = new AbortController();
  const waiting = slots.enter('a', impatient.signal);
  impatient.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  expect(seen).toEqual({ inFlight: 1, waiting: 0 });
  leave();
  await expect(slots.enter('a', never)).resolves.toBeTypeOf('function');
});

test('who has given up before is not let in', async () => {
  const { slots, seen } = slotsOf(1);
  await expect(slots.enter('a', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  expect(seen).toEqual({ inFlight: 0, waiting: 0 });
});

test('beyond the length of the queue, it fails at once and says why', async () => {
  const { slots, seen } = slotsOf(1, 1);
  await slots.enter('a', never);
  const waiting = slots.enter('a', never);
  await expect(slots.enter('a', never)).rejects.toMatchObject({
    failure: 'busy',
    message: 'too many requests are waiting for this registry',
  });
  void waiting;
  expect(seen.waiting).toBe(1);
});

describe('a request without an answer', () => {
  test('gives its slot to the next after a while', async () => {
    const { slots, seen, clock } = slotsOf(1);
    const order: string[] = [];
    const first = enter(slots, order, 'a1');
    const second = enter(slots, order, 'a2');
    await settled();
    clock.advance(SLOW_MS - 1);
    await settled();
    expect(order).toEqual(['a1']);
    clock.advance(1);
    await settled();
    expect(order).toEqual(['a1', 'a2']);
    // What is in flight is what it is, slot or no slot.
    expect(seen.inFlight).toBe(2);
    (await first)();
    (await second)();
    expect([seen.inFlight, clock.running]).toEqual([0, 0]);
  });

  test('frees no second slot when its answer comes after all', async () => {
    const { slots, seen, clock } = slotsOf(1);
    const slow = await slots.enter('a', never);
    clock.advance(SLOW_MS);
    await slots.enter('a', never);
    slow();
    void slots.enter('a', never);
    await settled();
    expect(seen).toEqual({ inFlight: 1, waiting: 1 });
  });
});

test('all who wait can be sent away', async () => {
  const { slots, seen } = slotsOf(1);
  await slots.enter('a', never);
  const waiting = ['a', 'b'].map((group) => slots.enter(group, never));
  slots.sendAway(() => new Error('closed'));
  for (const one of waiting) await expect(one).rejects.toThrow('closed');
  expect(seen).toEqual({ inFlight: 1, waiting: 0 });
});
