import { describe, expect, test } from 'vitest';
import { FairQueue } from '../../src/resolve/fair-queue.ts';

const turnOf = (tenant: string) => ({ tenant, account: '' });

function queueOf(limit: number, ...entries: string[]): FairQueue<string> {
  const queue = new FairQueue<string>(limit);
  for (const entry of entries) queue.push(turnOf(entry.charAt(0)), entry);
  return queue;
}

function drain(queue: FairQueue<string>): string[] {
  const all: string[] = [];
  for (let [tenant] = queue.tenants; tenant !== undefined; [tenant] = queue.tenants) {
    const next = queue.take(tenant);
    if (next !== undefined) all.push(next);
  }
  return all;
}

test('a single group is served in order', () => {
  expect(drain(queueOf(9, 'a1', 'a2', 'a3'))).toEqual(['a1', 'a2', 'a3']);
});

test('groups take turns, whatever their number of entries', () => {
  expect(drain(queueOf(9, 'a1', 'a2', 'a3', 'b1', 'b2', 'c1'))).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
});

test('an entry that leaves is not served', () => {
  const queue = queueOf(9, 'a1', 'a2', 'b1');
  queue.remove(turnOf('a'), 'a1');
  queue.remove(turnOf('b'), 'b1');
  queue.remove(turnOf('b'), 'never there');
  expect(queue.size).toBe(1);
  expect(drain(queue)).toEqual(['a2']);
});

describe('beyond its length', () => {
  test('the last entry of the longest group is rejected', () => {
    const queue = queueOf(3, 'a1', 'a2', 'a3');
    expect(queue.push(turnOf('b'), 'b1')?.entry).toBe('a3');
    expect(drain(queue)).toEqual(['a1', 'b1', 'a2']);
  });

  test('a new entry of the longest group is rejected', () => {
    const queue = queueOf(3, 'a1', 'a2', 'b1');
    expect(queue.push(turnOf('a'), 'a3')?.entry).toBe('a3');
    expect(queue.size).toBe(3);
  });

  test('among equal groups, the new entry is rejected', () => {
    const queue = queueOf(2, 'a1', 'b1');
    expect(queue.push(turnOf('c'), 'c1')?.entry).toBe('c1');
  });

  test('a queue of length 0 accepts no entry', () => {
    expect(queueOf(0).push(turnOf('a'), 'a1')?.entry).toBe('a1');
  });
});
