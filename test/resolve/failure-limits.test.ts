import { expect, test } from 'vitest';
import { RegistryError } from '../../src/registry/error.ts';
import { explain, sentence } from '../../src/resolve/failure.ts';

const refused = new RegistryError('network', 'the connection was refused');
const limited = (retryAfter?: number) =>
  new RegistryError('rate_limited', 'Too Many Requests', {
    status: 429,
    codes: ['TOOMANYREQUESTS'],
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });

test.each([
  [limited(), 'try again later, or add'],
  [limited(42), 'try again in a minute, or add'],
  [limited(90), 'try again in ten minutes, or add'],
  [limited(900), 'try again in an hour, or add'],
  [limited(21_600), 'try again in some hours, or add'],
])('a rate limit says how long it lasts, if the registry does', (error, remedy) => {
  expect(explain(error).remedy).toContain(remedy);
});

test('a registry that is not asked says what it said last, and why it is not asked', () => {
  const error = refused.asUnsent({
    reason: 'broken',
    note: "several times in a row, so it isn't asked again for a moment",
  });
  expect(explain(error)).toEqual({
    label: 'network',
    cause:
      "the registry can't be reached (the connection was refused, several times in a row, so it isn't asked again for a moment)",
    remedy: "correct the registry's name, or look at the network between",
  });
});

test('a rate limit that is not tried again says so', () => {
  const error = limited(60).asUnsent({ reason: 'rate_limited', note: "so it isn't asked for now" }, 42);
  expect(sentence(explain(error))).toBe(
    "the registry's rate limit is reached (429 TOOMANYREQUESTS, so it isn't asked for now); " +
      'try again in a minute, or add a pull secret with a higher limit',
  );
});

test('a queue that is full says what can be done', () => {
  const error = new RegistryError('busy', 'too many requests are waiting for this registry');
  expect(sentence(explain(error))).toBe(
    'too many requests are waiting for this registry; try again; if it persists, raise limits.concurrency, ' +
      'or look at why the registry is slow',
  );
});
