import { describe, expect, test } from 'vitest';
import { FairQueue } from '../../src/resolve/fair-queue.ts';

function queueOf(limit: number, ...entries: string[]): FairQueue<string> {
  const queue = new FairQueue<string>(limit);
  for (const entry of entries) queue.push(entry.charAt(0), entry);
  return queue;
}

function drain(queue: FairQueue<string>): string[] {
  const all: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) all.push(next);
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
  queue.remove('a', 'a1');
  queue.remove('b', 'b1');
  queue.remove('b', 'never there');
  expect(queue.size).toBe(1);
  expect(drain(queue)).toEqual(['a2']);
});

describe('beyond its length', () => {
  test('the last of the longest group has to go', () => {
    const queue = queueOf(3, 'a1', 'a2', 'a3');
    expect(queue.push('b', 'b1')).toBe('a3');
    expect(drain(queue)).toEqual(['a1', 'b1', 'a2']);
  });

  test('who belongs to the longest group is turned away', () => {
    const queue = queueOf(3, 'a1', 'a2', 'b1');
    expect(queue.push('a', 'a3')).toBe('a3');
    expect(queue.size).toBe(3);
  });

  test('of equals, the newcomer is turned away', () => {
    const queue = queueOf(2, 'a1', 'b1');
    expect(queue.push('c', 'c1')).toBe('c1');
  });

  test('a queue of no length takes nobody', () => {
    expect(queueOf(0).push('a', 'a1')).toBe('a1');
  });
});
