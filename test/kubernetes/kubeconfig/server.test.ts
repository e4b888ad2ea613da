import { expect, test } from 'vitest';
import { parseServer } from '../../../src/kubernetes/kubeconfig/server.ts';

test.each([
  ['https://example.com:6443/', 'https://example.com:6443'],
  ['example.com:8080', 'http://example.com:8080'],
  ['https://[::1]:6443/a/../b//', 'https://[::1]:6443/b'],
  ['https://example.com/%61', 'https://example.com/a'],
])('%s leads to %s', (text, url) => {
  expect(parseServer(text)).toEqual({ url, login: undefined });
});

test('a login in the address is taken out of it', () => {
  const expected = { url: 'https://example.com', login: 'ada@home:correct horse' };
  expect(parseServer('https://ada%40home:correct%20horse@example.com')).toEqual(expected);
});

test.each(['https://%zz@example.com', 'https://exa mple.com', 'ftp://example.com', 'https://', 'https:///x'])(
  '%s is refused, with what to write',
  (text) => {
    expect(() => parseServer(text)).toThrow('write https://HOST:PORT');
  },
);

test('a refusal shows no login', () => {
  expect(() => parseServer('https://ada:correct-horse%zz@example.com')).toThrow(
    'server "https://example.com"',
  );
});
