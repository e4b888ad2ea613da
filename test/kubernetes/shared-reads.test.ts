import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { KubernetesError } from '../../src/kubernetes/error.ts';
import { resources } from '../../src/kubernetes/resources.ts';
import { inTurns, SharedReads } from '../../src/kubernetes/shared-reads.ts';
import { Turns } from '../../src/kubernetes/turns.ts';
import { patient } from '../registry/clients.ts';

const one = () => new Turns({ inAll: 1, perNamespace: 1, waiting: 2 });
const target = (name: string) => ({ namespace: 'team', path: `/api/v1/namespaces/team/secrets/${name}` });

/** A read that ends when its signal aborts, and tells what became of it. */
function hanging() {
  const read = { begun: 0, aborted: 0, signal: new AbortController().signal };
  return {
    ...read,
    read(signal: AbortSignal): Promise<never> {
      this.begun++;
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          this.aborted++;
          reject(new Error('aborted'));
        });
      });
    },
  };
}

describe('reviews that read the same', () => {
  test('share one read', async () => {
    const reads = new SharedReads<number>(one());
    let begun = 0;
    const read = async () => {
      await delay(5);
      return ++begun;
    };
    const both = [reads.get(target('a'), patient(), read), reads.get(target('a'), patient(), read)];
    expect(await Promise.all(both)).toEqual([1, 1]);
  });

  test('keep it while one of them waits', async () => {
    const reads = new SharedReads<string>(one());
    const read = async (signal: AbortSignal) => {
      await delay(40, undefined, { signal });
      return 'read';
    };
    const first = reads.get(target('a'), AbortSignal.timeout(5), read);
    const second = reads.get(target('a'), patient(), read);
    await expect(first).rejects.toBeInstanceOf(KubernetesError);
    expect(await second).toBe('read');
  });
});

describe('an abandoned read', () => {
  test('is not begun', async () => {
    const reads = new SharedReads<never>(one());
    const [underWay, queued] = [hanging(), hanging()];
    const long = new AbortController();
    const first = reads.get(target('a'), long.signal, (signal) => underWay.read(signal));
    await expect(
      reads.get(target('b'), AbortSignal.timeout(10), (signal) => queued.read(signal)),
    ).rejects.toThrow();
    long.abort(new Error('given up'));
    await expect(first).rejects.toThrow('given up');
    await delay(5);
    expect(queued.begun).toBe(0);
  });

  test('is aborted, and makes room for the next', async () => {
    const turns = one();
    const reads = new SharedReads<unknown>(turns);
    const underWay = hanging();
    const first = reads.get(target('a'), AbortSignal.timeout(10), (signal) => underWay.read(signal));
    await expect(first).rejects.toThrow('no answer in time');
    expect(await reads.get(target('b'), patient(), async () => 'read')).toBe('read');
    expect([underWay.begun, underWay.aborted, turns.underWay]).toEqual([1, 1, 0]);
  });

  test('does not answer a review that arrives while it ends', async () => {
    const reads = new SharedReads<string>(one());
    const first = reads.get(target('a'), AbortSignal.timeout(5), async (signal) => {
      await delay(1_000, undefined, { signal }).catch(() => delay(20));
      throw new Error('aborted');
    });
    await expect(first).rejects.toThrow('no answer in time');
    expect(await reads.get(target('a'), patient(), async () => 'read')).toBe('read');
  });
});

describe('a review whose time runs out', () => {
  const message = (path: string, why: string) => `GET /api/v1/namespaces/team/${path}: ${why}`;
  const tooMany = 'too many reads of this namespace are waiting';

  test('while its read waits for a turn gets that reason', async () => {
    const reads = new SharedReads<never>(one());
    const underWay = hanging();
    const first = reads.get(target('a'), AbortSignal.timeout(60), (signal) => underWay.read(signal));
    const second = reads.get(target('b'), AbortSignal.timeout(10), (signal) => underWay.read(signal));
    await expect(second).rejects.toMatchObject({
      reason: 'TooManyWaiting',
      message: message('secrets/b', tooMany),
    });
    await expect(first).rejects.toMatchObject({
      reason: 'Timeout',
      message: message('secrets/a', 'no answer in time'),
    });
  });

  test('soon after its read has had its turn gets that reason too', async () => {
    const turns = one();
    const reads = new SharedReads<never>(turns);
    const end = await turns.take('team', patient());
    const late = reads.get(target('a'), AbortSignal.timeout(60), (signal) => hanging().read(signal));
    setTimeout(end, 50);
    await expect(late).rejects.toMatchObject({ message: message('secrets/a', tooMany) });
  });

  test('fails at once if the queue is full', async () => {
    const reads = new SharedReads<never>(one());
    const underWay = hanging();
    const others = ['a', 'b', 'c'].map((name) =>
      reads.get(target(name), AbortSignal.timeout(30), (signal) => underWay.read(signal)),
    );
    await expect(reads.get(target('d'), patient(), (signal) => underWay.read(signal))).rejects.toMatchObject({
      message: message('secrets/d', tooMany),
    });
    await Promise.allSettled(others);
  });

  test('while a list waits for its turn gets that reason', async () => {
    const turns = one();
    const end = await turns.take('team', patient());
    const lists = inTurns(
      {
        async *list() {
          yield* [];
        },
      },
      turns,
    );
    const list = lists.list(resources.Pod, 'team', z.unknown(), AbortSignal.timeout(10));
    await expect(list.next()).rejects.toMatchObject({ message: message('pods', tooMany) });
    end();
    expect(await lists.list(resources.Pod, 'team', z.unknown(), patient()).next()).toMatchObject({
      done: true,
    });
    expect(turns.underWay).toBe(0);
  });
});
