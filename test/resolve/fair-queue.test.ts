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

test('who is alone is served in order', () => {
  expect(drain(queueOf(9, 'a1', 'a2', 'a3'))).toEqual(['a1', 'a2', 'a3']);
});

test('groups take turns, however many one of them has sent', () => {
  expect(drain(queueOf(9, 'a1', 'a2', 'a3', 'b1', 'b2', 'c1'))).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
});

test('who leaves is not served', () => {
  const queue = queueOf(9, 'a1', 'a2', 'b1');
  queue.remove(turnOf('a'), 'a1');
  queue.remove(turnOf('b'), 'b1');
  queue.remove(turnOf('b'), 'never there');
  expect(queue.size).toBe(1);
  expect(drain(queue)).toEqual(['a2']);
});

describe('beyond its length', () => {
  test('the last of the longest group has to go', () => {
    const queue = queueOf(3, 'a1', 'a2', 'a3');
    expect(queue.push(turnOf('b'), 'b1')?.entry).toBe('a3');
    expect(drain(queue)).toEqual(['a1', 'b1', 'a2']);
  });

  test('who belongs to the longest group is turned away', () => {
    const queue = queueOf(3, 'a1', 'a2', 'b1');
    expect(queue.push(turnOf('a'), 'a3')?.entry).toBe('a3');
    expect(queue.size).toBe(3);
  });

  test('of equals, the newcomer is turned away', () => {
    const queue = queueOf(2, 'a1', 'b1');
    expect(queue.push(turnOf('c'), 'c1')?.entry).toBe('c1');
  });

  test('a queue of no length takes nobody', () => {
    expect(queueOf(0).push(turnOf('a'), 'a1')?.entry).toBe('a1');
  });
});
