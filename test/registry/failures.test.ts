import { describe, expect, test } from 'vitest';
import { failures, meaningOf, type RegistryFailure } from '../../src/registry/failures.ts';

/** The kinds with this in their row, in alphabetical order. */
function kindsWith(column: keyof ReturnType<typeof meaningOf>, value: unknown): RegistryFailure[] {
  const kinds = Object.keys(failures).filter((kind): kind is RegistryFailure => kind in failures);
  return kinds.filter((kind) => meaningOf(kind)[column] === value).sort();
}

/** Each changes what pods are refused, or what registries are asked: none may change by accident. */
describe('a failure of these kinds', () => {
  test('is about the registry’s host, whatever the image', () => {
    expect(kindsWith('about', 'host')).toEqual([
      'busy',
      'forbidden_address',
      'invalid_host',
      'network',
      'rate_limited',
      'timeout',
      'unavailable',
      'untrusted',
    ]);
  });

  test('is about the credential, so that its remedy names what was at hand', () => {
    expect(kindsWith('about', 'credential')).toEqual(['denied', 'unauthorized']);
  });

  test('is about the image', () => expect(kindsWith('about', 'image')).toEqual(['not_found']));

  test('is cached', () => expect(kindsWith('cached', true)).toEqual(['denied', 'not_found', 'unauthorized']));

  test('is retried', () =>
    expect(kindsWith('retried', true)).toEqual(['network', 'rate_limited', 'unavailable']));

  test('is a sign that the registry is down', () =>
    expect(kindsWith('down', true)).toEqual(['network', 'timeout', 'unavailable']));

  test('may be answered with an older digest', () =>
    expect(kindsWith('staleAllowed', true)).toEqual([
      'busy',
      'network',
      'rate_limited',
      'timeout',
      'unavailable',
    ]));

  test('is the same for every credential, so that no other is tried', () =>
    expect(kindsWith('nextCredential', false)).toEqual([
      'busy',
      'invalid_host',
      'network',
      'timeout',
      'untrusted',
    ]));

  test('is the token server’s answer, which isn’t asked again at once', () =>
    expect(kindsWith('refusesToken', true)).toEqual([
      'denied',
      'rate_limited',
      'timeout',
      'unauthorized',
      'unavailable',
    ]));

  test('shows its own words', () =>
    expect(kindsWith('showsDetails', true)).toEqual([
      'bad_body',
      'forbidden_address',
      'network',
      'redirect',
      'untrusted',
    ]));
});

test('every kind says what happened and what to do about it', () => {
  for (const { message, remedy } of Object.values(failures)) expect(message && remedy).not.toBe('');
});
