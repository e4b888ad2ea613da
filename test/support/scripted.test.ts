import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { startScriptedRegistry } from './registry/scripted.ts';

test('answers are played in order', async () => {
  await using registry = await startScriptedRegistry([
    { method: 'HEAD', status: 404 },
    { method: 'GET', status: 200, body: 'found' },
  ]);
  const head = await fetch(`${registry.url}/v2/`, { method: 'HEAD' });
  expect([head.status, await (await fetch(registry.url)).text()]).toEqual([404, 'found']);
});

test('a request of another method is a mismatch and leaves the script where it is', async () => {
  await using registry = await startScriptedRegistry([{ method: 'HEAD' }]);
  const { status, headers } = await fetch(`${registry.url}/v2/`);
  expect([status, headers.get('X-Script'), registry.remaining]).toEqual([500, 'mismatch', 1]);
});

test('a request for another path is reported', async () => {
  await using registry = await startScriptedRegistry([{ method: 'GET', path: '/v2/a' }]);
  await fetch(`${registry.url}/v2/b`);
  expect(registry.mismatches).toEqual(['step 1: expected GET /v2/a, got GET /v2/b']);
});

test('a request after the last step is told that the script is exhausted', async () => {
  await using registry = await startScriptedRegistry([]);
  expect((await fetch(registry.url)).headers.get('X-Script')).toBe('exhausted');
});

test('the last step can be repeated for ever', async () => {
  await using registry = await startScriptedRegistry([{ method: 'GET', status: 401 }], { repeatLast: true });
  await fetch(registry.url);
  expect((await fetch(registry.url)).status).toBe(401);
});

test('a realm on another host leads to the server that stands in for it', async () => {
  await using registry = await startScriptedRegistry([
    {
      method: 'GET',
      status: 401,
      headers: { 'WWW-Authenticate': 'Bearer realm="https://auth.example/token"' },
    },
    { method: 'GET', host: 'auth.example', path: '/token', body: '{"token":"t"}' },
  ]);
  const challenge = (await fetch(registry.url)).headers.get('WWW-Authenticate');
  const realm = /realm="([^"]+)"/.exec(challenge ?? '')?.[1] ?? '';
  expect(await (await fetch(realm)).json()).toEqual({ token: 't' });
});

test('a step of another host is not for the registry', async () => {
  await using registry = await startScriptedRegistry([{ method: 'GET', host: 'auth.example' }]);
  expect((await fetch(registry.url)).headers.get('X-Script')).toBe('mismatch');
});

test('every request is logged, with its Authorization', async () => {
  await using registry = await startScriptedRegistry([{ method: 'GET' }]);
  await fetch(`${registry.url}/v2/?a=b`, { headers: { Authorization: 'Bearer t' } });
  expect(registry.requests.entries[0]).toMatchObject({
    method: 'GET',
    path: '/v2/',
    host: registry.host,
    headers: { authorization: 'Bearer t' },
  });
});

test('a body with gzip scripted is compressed, and its length is that of what is sent', async () => {
  const headers = { 'Content-Encoding': 'gzip', 'Content-Length': '5' };
  await using registry = await startScriptedRegistry([{ method: 'GET', headers, body: 'x'.repeat(1000) }]);
  expect(await (await fetch(registry.url)).text()).toHaveLength(1000);
});

test('so many bytes can be sent in place of a body', async () => {
  await using registry = await startScriptedRegistry([{ method: 'GET', bodyBytes: 5_000_000 }]);
  expect(await (await fetch(registry.url)).arrayBuffer()).toHaveProperty('byteLength', 5_000_000);
});

test('the body is sent byte for byte', async () => {
  const body = '{\n  "é": 1 }\n';
  await using registry = await startScriptedRegistry([{ method: 'GET', body }]);
  const sent = Buffer.from(await (await fetch(registry.url)).arrayBuffer());
  const hash = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');
  expect(hash(sent)).toBe(hash(body));
});

test.each([
  ['a connection reset', { connectionReset: true }],
  ['a truncated body', { body: 'abcdef', headers: { 'Content-Length': '6' }, truncateAt: 3 }],
  ['a truncated chunked body', { body: 'abcdef', truncateAt: 3 }],
  ['a Content-Length that promises too much', { body: 'abc', headers: { 'Content-Length': '6' } }],
])('%s fails the client', async (_, step) => {
  await using registry = await startScriptedRegistry([{ method: 'GET', ...step }]);
  await expect(fetch(registry.url).then((response) => response.text())).rejects.toThrow();
});

test('an answer can be late', async () => {
  await using registry = await startScriptedRegistry([{ method: 'GET', delayMs: 60 }]);
  await fetch(registry.url);
  expect(registry.requests.entries[0]?.took).toBeGreaterThan(50);
});

test('a body can come byte by byte', async () => {
  await using registry = await startScriptedRegistry([{ method: 'GET', body: 'abc', byteEveryMs: 20 }]);
  const began = performance.now();
  expect([await (await fetch(registry.url)).text(), performance.now() - began > 50]).toEqual(['abc', true]);
});

test('repeated headers are sent as such', async () => {
  const headers = { 'WWW-Authenticate': ['Basic realm="a"', 'Bearer realm="{registry}/token"'] };
  await using registry = await startScriptedRegistry([{ method: 'GET', status: 401, headers }]);
  const sent = (await fetch(registry.url)).headers.get('WWW-Authenticate');
  expect(sent).toBe(`Basic realm="a", Bearer realm="${registry.url}/token"`);
});
