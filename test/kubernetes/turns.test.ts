import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TooManyWaiting, Turns } from '../../src/kubernetes/turns.ts';
import { runs } from '../support/runs.ts';

/** Reads that are begun when they have their turn, and end when they are told to. */
function reads(turns: Turns) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    read(namespace: string, name: string, signal = new AbortController().signal) {
      return turns.take(namespace, signal).then((end) => {
        begun.push(name);
        ends.set(name, end);
      });
    },
    async end(name: string) {
      ends.get(name)?.();
      await settled();
    },
  };
}

/** When all promises that can settle have. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a namespace', () => {
  test('has so many reads under way, and the others wait', async () => {
    const at = reads(new Turns({ inAll: 10, perNamespace: 2, waiting: 10 }));
    for (const name of ['a1', 'a2', 'a3', 'a4']) void at.read('a', name);
    await settled();
    expect(at.begun).toEqual(['a1', 'a2']);
    await at.end('a2');
    expect(at.begun).toEqual(['a1', 'a2', 'a3']);
  });

  test('does not wait for another that has a long queue', async () => {
    const at = reads(new Turns({ inAll: 10, perNamespace: 2, waiting: 100 }));
    for (let i = 0; i < 50; i++) void at.read('a', `a${i}`);
    void at.read('b', 'b1');
    await settled();
    expect(at.begun).toEqual(['a0', 'a1', 'b1']);
  });

  test('takes turns with the others where all places are taken', async () => {
    const at = reads(new Turns({ inAll: 2, perNamespace: 2, waiting: 10 }));
    for (const name of ['a1', 'a2', 'a3', 'a4']) void at.read('a', name);
    for (const name of ['b1', 'b2']) void at.read('b', name);
    void at.read('c', 'c1');
    await settled();
    for (let i = 0; i < 5; i++) await at.end(at.begun[i] ?? '');
    expect(at.begun).toEqual(['a1', 'a2', 'a3', 'b1', 'c1', 'a4', 'b2']);
  });

  test('has only so many waiting', async () => {
    const turns = new Turns({ inAll: 1, perNamespace: 1, waiting: 2 });
    const at = reads(turns);
    for (const name of ['a1', 'a2', 'a3']) void at.read('a', name);
    await expect(at.read('a', 'a4')).rejects.toBeInstanceOf(TooManyWaiting);
    void at.read('b', 'b1');
    expect([turns.underWay, turns.waiting]).toEqual([1, 3]);
  });
});

describe('a read', () => {
  test('that is given up while it waits is never begun, and makes room', async () => {
    const turns = new Turns({ inAll: 1, perNamespace: 1, waiting: 2 });
    const at = reads(turns);
    void at.read('a', 'a1');
    const controller = new AbortController();
    const second = at.read('a', 'a2', controller.signal);
    void at.read('a', 'a3');
    controller.abort(new Error('given up'));
    await expect(second).rejects.toThrow('given up');
    expect(turns.waiting).toBe(1);
    await at.end('a1');
    expect(at.begun).toEqual(['a1', 'a3']);
  });

  test('that ends twice makes room once', async () => {
    const turns = new Turns({ inAll: 1, perNamespace: 1, waiting: 10 });
    const end = await turns.take('a', new AbortController().signal);
    end();
    end();
    expect(turns.underWay).toBe(0);
  });
});

test('property: limits hold, nobody is forgotten, and nothing is left behind', async () => {
  const limits = fc.record({
    inAll: fc.integer({ min: 1, max: 5 }),
    perNamespace: fc.integer({ min: 1, max: 3 }),
    waiting: fc.constant(1_000),
  });
  const step = fc.record({
    namespace: fc.constantFrom('a', 'b', 'c', 'd'),
    ends: fc.nat(3),
    leaves: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.array(step, { maxLength: 40 }),
      async ({ inAll, perNamespace, waiting }, steps) => {
        const turns = new Turns({ inAll, perNamespace, waiting });
        const underWay: { namespace: string; end: () => void }[] = [];
        const all: Promise<void>[] = [];
        const check = () => {
          expect(turns.underWay).toBe(underWay.length);
          expect(underWay.length).toBeLessThanOrEqual(inAll);
          for (const { namespace } of underWay) {
            const own = underWay.filter((read) => read.namespace === namespace);
            expect(own.length).toBeLessThanOrEqual(perNamespace);
          }
        };
        const endOne = async () => {
          underWay.shift()?.end();
          await settled();
          check();
        };
        for (const { namespace, ends, leaves } of steps) {
          const controller = new AbortController();
          const taken = turns
            .take(namespace, controller.signal)
            .then((end) => void underWay.push({ namespace, end }));
          all.push(leaves ? taken.catch(() => undefined) : taken);
          await settled();
          if (leaves) controller.abort();
          for (let i = 0; i < ends; i++) await endOne();
        }
        while (underWay.length > 0) await endOne();
        await Promise.all(all);
        expect([turns.underWay, turns.waiting]).toEqual([0, 0]);
      },
    ),
    runs(0.1),
  );
});
