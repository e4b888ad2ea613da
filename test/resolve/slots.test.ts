import { describe, expect, test } from 'vitest';
import { type Claim, SHARE, SLOW_MS, Slots } from '../../src/resolve/slots.ts';
import { ManualClock } from '../support/manual-clock.ts';

const never = new AbortController().signal;

/** What waits for a namespace. */
const claimOf = (tenant: string, abandoned = never): Claim => ({
  tenants: new Set([tenant]),
  onJoin: undefined,
  abandoned,
});

function slotsOf(concurrency: number, queue = 100) {
  const clock = new ManualClock();
  const seen = { inFlight: 0, waiting: 0 };
  const slots = new Slots({ concurrency, queue, share: SHARE }, clock, {
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
  const leave = await slots.enter(claimOf(name.charAt(0)), '');
  order.push(name);
  return leave;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('only as many requests run as there are slots, and the others follow as those end', async () => {
  const { slots, seen } = slotsOf(2);
  const order: string[] = [];
  const all = ['a1', 'a2', 'a3', 'a4'].map((name) => enter(slots, order, name));
  await settled();
  expect(order).toEqual(['a1', 'a2']);
  expect(seen).toEqual({ inFlight: 2, waiting: 2 });
  (await all[0])?.();
  await settled();
  expect(order).toEqual(['a1', 'a2', 'a3']);
  for (const entered of all.slice(1, 3)) (await entered)?.();
  (await all[3])?.();
  expect(seen).toEqual({ inFlight: 0, waiting: 0 });
});

test('a slot released twice is freed once', async () => {
  const { slots, seen } = slotsOf(1);
  const leave = await slots.enter(claimOf('a'), '');
  leave?.();
  leave?.();
  await slots.enter(claimOf('a'), '');
  void slots.enter(claimOf('a'), '');
  await settled();
  expect(seen).toEqual({ inFlight: 1, waiting: 1 });
});

test('a group with few requests does not wait for one with many', async () => {
  const { slots } = slotsOf(1);
  const order: string[] = [];
  const leave = await slots.enter(claimOf('a'), '');
  const all = ['a1', 'a2', 'a3', 'b1'].map((name) => enter(slots, order, name));
  leave?.();
  for (const entered of all) void entered.then((left) => left?.());
  await Promise.all(all);
  expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
});

test('an abandoned request leaves the queue', async () => {
  const { slots, seen } = slotsOf(1);
  const leave = await slots.enter(claimOf('a'), '');
  const impatient = new AbortController();
  const waiting = slots.enter(claimOf('a', impatient.signal), '');
  impatient.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  expect(seen).toEqual({ inFlight: 1, waiting: 0 });
  leave?.();
  await expect(slots.enter(claimOf('a'), '')).resolves.toBeTypeOf('function');
});

test('a request abandoned before gets no slot', async () => {
  const { slots, seen } = slotsOf(1);
  await expect(slots.enter(claimOf('a', AbortSignal.abort(new Error('enough'))), '')).rejects.toThrow(
    'enough',
  );
  expect(seen).toEqual({ inFlight: 0, waiting: 0 });
});

test('beyond the length of the queue, it fails at once and says why', async () => {
  const { slots, seen } = slotsOf(1, 1);
  await slots.enter(claimOf('a'), '');
  const waiting = slots.enter(claimOf('a'), '');
  await expect(slots.enter(claimOf('a'), '')).rejects.toMatchObject({
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
    (await first)?.();
    (await second)?.();
    expect([seen.inFlight, clock.running]).toEqual([0, 0]);
  });

  test('frees no second slot when its answer comes after all', async () => {
    const { slots, seen, clock } = slotsOf(1);
    const slow = await slots.enter(claimOf('a'), '');
    clock.advance(SLOW_MS);
    await slots.enter(claimOf('a'), '');
    slow?.();
    void slots.enter(claimOf('a'), '');
    await settled();
    expect(seen).toEqual({ inFlight: 1, waiting: 1 });
  });
});

test('all waiting requests can be rejected', async () => {
  const { slots, seen } = slotsOf(1);
  await slots.enter(claimOf('a'), '');
  const waiting = ['a', 'b'].map((group) => slots.enter(claimOf(group), ''));
  slots.sendAway();
  for (const one of waiting) await expect(one).resolves.toBeUndefined();
  expect(seen).toEqual({ inFlight: 1, waiting: 0 });
});

describe('namespaces', () => {
  test('leave a quarter of the slots to others, whatever they send', async () => {
    const { slots, seen } = slotsOf(4);
    const order: string[] = [];
    for (const name of ['a1', 'a2', 'a3', 'a4']) void enter(slots, order, name);
    await settled();
    expect(order).toEqual(['a1', 'a2', 'a3']);
    void enter(slots, order, 'b1');
    await settled();
    expect(order).toEqual(['a1', 'a2', 'a3', 'b1']);
    expect(seen).toEqual({ inFlight: 4, waiting: 1 });
  });

  test('with the fewest slots come first', async () => {
    const { slots } = slotsOf(4);
    const order: string[] = [];
    const first = ['a1', 'a2', 'a3', 'b1'].map((name) => enter(slots, order, name));
    for (const name of ['a4', 'b2', 'c1']) void enter(slots, order, name);
    await settled();
    (await first[0])?.();
    (await first[1])?.();
    await settled();
    expect(order.slice(4)).toEqual(['c1', 'a4']);
  });

  test('take turns with their accounts', async () => {
    const { slots } = slotsOf(1);
    const order: string[] = [];
    const leave = await slots.enter(claimOf('a'), 'ada');
    const all = ['ada', 'ada', 'eve'].map(async (account, index) => {
      const left = await slots.enter(claimOf('a'), account);
      order.push(`${account} ${index}`);
      left?.();
    });
    leave?.();
    await Promise.all(all);
    expect(order).toEqual(['ada 0', 'eve 2', 'ada 1']);
  });

  test('that join a request under way give it their turns too', async () => {
    const { slots, seen } = slotsOf(1);
    const order: string[] = [];
    const leave = await slots.enter(claimOf('a'), '');
    const waiting = ['a1', 'a2', 'a3'].map((name) => enter(slots, order, name));
    const shared = claimOf('a');
    void slots.enter(shared, '').then(() => order.push('shared'));
    shared.onJoin?.('b');
    leave?.();
    (await waiting[0])?.();
    await settled();
    expect(order).toEqual(['a1', 'shared']);
    expect(seen).toEqual({ inFlight: 1, waiting: 2 });
  });

  test('with the longest line lose its end when too many wait', async () => {
    const { slots } = slotsOf(1, 2);
    await slots.enter(claimOf('a'), '');
    const waiting = slots.enter(claimOf('a'), '');
    const last = slots.enter(claimOf('a'), '');
    void slots.enter(claimOf('b'), '');
    await expect(last).rejects.toMatchObject({ failure: 'busy' });
    void waiting;
  });
});
