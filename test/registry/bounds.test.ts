import v8 from 'node:v8';
import vm from 'node:vm';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseReference } from '../../src/image/reference.ts';
import { Endpoints } from '../../src/registry/endpoint.ts';
import { errorFromResponse, RegistryError } from '../../src/registry/error.ts';
import { RegistryHttp } from '../../src/registry/http.ts';
import { Tokens } from '../../src/registry/token.ts';
import { type Outcome, type ReceivedRequest, startAnswering } from '../support/answering.ts';
import { listen } from '../support/listen.ts';
import { startScriptedRegistry } from '../support/registry/scripted.ts';
import type { ScriptedResponse } from '../support/registry/scripted-response.ts';
import { RequestLog } from '../support/request-log.ts';
import { clientFor, tryResolve, user } from './clients.ts';

const failureOf = (result: Awaited<ReturnType<typeof tryResolve>>) =>
  result instanceof RegistryError ? result.failure : 'resolved';

/** What comes of a registry that answers each request so, and how many it got. */
async function against(answer: (request: ReceivedRequest) => Outcome) {
  const log = new RequestLog();
  await using registry = await startAnswering({ log, answer });
  const result = await tryResolve(clientFor(registry.host), `${registry.host}/a/b:t`);
  return { result, failure: failureOf(result), requests: log.entries.length };
}

const MiB = 1024 * 1024;

const MANIFEST: Outcome = {
  status: 200,
  headers: {
    'Content-Type': 'application/vnd.oci.image.index.v1+json',
    'Docker-Content-Digest': `sha256:${'a'.repeat(64)}`,
  },
};

describe('bounded is', () => {
  test('the body', async () => {
    const { failure } = await against(() => ({ status: 200, body: Buffer.alloc(5 * MiB, ' ') }));
    expect(failure).toBe('too_large');
  });

  test('the body that is small only while compressed', async () => {
    const body = gzipSync(Buffer.alloc(64 * MiB));
    const { failure } = await against(() => ({ status: 200, headers: { 'Content-Encoding': 'gzip' }, body }));
    expect(failure).toBe('too_large');
  });

  test('the headers', async () => {
    const { result } = await against(() => ({ status: 200, headers: { 'X-Large': 'x'.repeat(100 * 1024) } }));
    expect(result).toMatchObject({ failure: 'network', message: "the response's headers are too large" });
  });

  test('the number of redirects', async () => {
    let hop = 0;
    const { failure, requests } = await against(() => ({ status: 307, headers: { Location: `/${hop++}` } }));
    expect(failure).toBe('redirect');
    expect(requests).toBe(6);
  });

  test('the number of challenges', async () => {
    let scope = 0;
    const log = new RequestLog();
    await using registry = await startAnswering({
      log,
      answer({ path, headers }) {
        if (path === '/token') return { status: 200, body: '{"token":"t"}' };
        const challenge = `Bearer realm="http://${headers.host}/token",scope="more:${scope++}:pull"`;
        return { status: 401, headers: { 'WWW-Authenticate': challenge } };
      },
    });
    const client = clientFor(registry.host);
    for (let round = 0; round < 12; round++) {
      expect(failureOf(await tryResolve(client, `${registry.host}/a/b:t`))).toBe('unauthorized');
    }
    const asked = log.entries.filter(({ path }) => path === '/token');
    expect(Math.max(...asked.map(({ query }) => query.getAll('scope').length))).toBeLessThan(12);
    expect(log.entries.length).toBeLessThan(12 * 7);
  });

  test('the token', async () => {
    const { failure } = await against(({ path, headers }) =>
      path === '/token'
        ? { status: 200, body: JSON.stringify({ token: 't'.repeat(MiB) }) }
        : { status: 401, headers: { 'WWW-Authenticate': `Bearer realm="http://${headers.host}/token"` } },
    );
    expect(failure).toBe('invalid_token');
  });

  test('the memory for tokens, of which the oldest go', async () => {
    const log = new RequestLog();
    const body = JSON.stringify({ token: 't'.repeat(60 * 1024), expires_in: 3600 });
    await using server = await startAnswering({ log, answer: () => ({ status: 200, body }) });
    const endpoints = new Endpoints();
    const tokens = new Tokens(new RegistryHttp(endpoints));
    const ask = (repository: string) =>
      tokens.token(
        { scheme: 'bearer', params: { realm: `${server.url}/token` } },
        { endpoint: endpoints.registry(server.host), repository, credential: undefined },
        AbortSignal.timeout(5_000),
      );
    for (let number = 0; number <= 600; number++) await ask(`repository-${number}`);
    await ask('repository-600');
    expect(log.entries).toHaveLength(601);
    await ask('repository-0');
    expect(log.entries).toHaveLength(602);
    await endpoints.close();
  });

  test('the memory for challenges, of which the oldest go', async () => {
    const log = new RequestLog();
    await using registry = await startAnswering({
      log,
      answer({ path, headers }) {
        if (path === '/token') return { status: 200, body: '{"token":"t","expires_in":3600}' };
        if (headers.authorization !== undefined) return MANIFEST;
        const challenge = `Bearer realm="http://${headers.host}/token",x="${'x'.repeat(60 * 1024)}"`;
        return { status: 401, headers: { 'WWW-Authenticate': challenge } };
      },
    });
    const client = clientFor(registry.host);
    const ask = async (number: number) => {
      log.clear();
      await tryResolve(client, `${registry.host}/repository-${number}:1`);
      return log.entries.length;
    };
    for (let number = 0; number <= 300; number++) await ask(number);
    expect(await ask(300)).toBe(1);
    expect(await ask(0)).toBe(2);
  });

  test('the memory for all bodies together, but for the short ones', { timeout: 15_000 }, async () => {
    // Each address is a registry of its own, and none ends its answer.
    await using registry = await listen(
      ({ method, url = '' }, response) => {
        if (method === 'HEAD') return void response.writeHead(404).end();
        const body = JSON.stringify({ schemaVersion: 2, manifests: [], padding: 'x'.repeat(padding(url)) });
        response.writeHead(200, { 'Content-Type': 'application/vnd.oci.image.index.v1+json' });
        if (url.includes('/endless/')) response.write(body);
        else response.end(body);
      },
      { address: '0.0.0.0' },
    );
    const padding = (path: string) => (path.includes('/short/') ? 10 : 3 * MiB);
    const client = clientFor();
    const ask = async (number: number, repository: string, signal = AbortSignal.timeout(10_000)) =>
      client
        .resolve(parseReference(`127.0.0.${number}:${registry.port}/${repository}:1`), undefined, signal)
        .then(
          () => 'resolved',
          (error: unknown) => (error instanceof RegistryError ? error.failure : error),
        );
    const given = new AbortController();
    const all = Array.from({ length: 40 }, (_, number) => ask(number + 1, 'endless', given.signal));
    await expect(Promise.race(all)).resolves.toBe('too_large');
    expect(await ask(50, 'short')).toBe('resolved');
    given.abort();
    const failures = await Promise.all(all);
    expect(failures.filter((failure) => failure !== 'too_large').length).toBeLessThanOrEqual(21);
    expect(await ask(50, 'long')).toBe('resolved');
  });

  test('what errors keep of the answers that they tell of', () => {
    v8.setFlagsFromString('--expose-gc');
    const collect = z.custom<() => void>((it) => typeof it === 'function').parse(vm.runInNewContext('gc'));
    const used = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    const errors = Array.from({ length: 20 }, (_, number) => {
      const code = `${number} ${'x '.repeat(MiB)}`;
      return errorFromResponse(new URL('https://a.example/'), {
        status: 404,
        body: `{"errors":[{"code":"${code}"}]}`,
      });
    });
    expect(used() - before).toBeLessThan(4 * MiB);
    expect(errors).toHaveLength(20);
  });

  test('the time, whatever comes byte by byte', async () => {
    const slow: ScriptedResponse = {
      method: 'GET',
      body: ' '.repeat(1000),
      byteEveryMs: 20,
      headers: { 'Content-Type': 'application/json' },
    };
    await using registry = await startScriptedRegistry([{ method: 'HEAD', status: 405 }, slow]);
    const signal = AbortSignal.timeout(300);
    const started = performance.now();
    const asked = clientFor(registry.host).resolve(parseReference(`${registry.host}/a:t`), undefined, signal);
    await expect(asked).rejects.toMatchObject({ failure: 'timeout', retryable: true });
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('a redirect to', () => {
  test.each([
    ['ftp://registry.example/x', 'redirect'],
    ['http://user:secret@registry.example/x', 'redirect'],
    ['http://[', 'redirect'],
    ['http://169.254.169.254/x', 'forbidden_address'],
    ['http://[::ffff:169.254.169.254]/x', 'forbidden_address'],
    ['http://2852039166/x', 'forbidden_address'],
    ['http://metadata.google.internal/x', 'forbidden_address'],
  ])('%s is not followed', async (location, expected) => {
    const { result, failure, requests } = await against(() => ({
      status: 307,
      headers: { Location: location },
    }));
    expect(failure).toBe(expected);
    expect(requests).toBe(1);
    expect(JSON.stringify(result)).not.toContain('secret');
  });
});

/** What a registry may answer, and what an error then says: its kind, its status, its codes, where, and no secret. */
describe('the error of', () => {
  const oci = (code: string, message: string) => JSON.stringify({ errors: [{ code, message }] });

  test.each([
    [400, oci('NAME_INVALID', 'bad name'), 'status', ['NAME_INVALID'], false],
    [401, oci('UNAUTHORIZED', 'log in'), 'unauthorized', ['UNAUTHORIZED'], false],
    [403, oci('DENIED', 'no'), 'denied', ['DENIED'], false],
    [404, oci('MANIFEST_UNKNOWN', 'gone'), 'not_found', ['MANIFEST_UNKNOWN'], false],
    [404, oci('NAME_UNKNOWN', 'gone'), 'not_found', ['NAME_UNKNOWN'], false],
    [418, 'short and stout', 'status', [], false],
    [429, oci('TOOMANYREQUESTS', 'slow down'), 'rate_limited', ['TOOMANYREQUESTS'], true],
    [500, '<html>', 'unavailable', [], true],
    [502, '', 'unavailable', [], true],
    [503, oci('UNAVAILABLE', 'later'), 'unavailable', ['UNAVAILABLE'], true],
  ])('%i %s', async (status, body, failure, codes, retryable) => {
    const { result } = await against(() => ({ status, body }));
    if (!(result instanceof RegistryError)) throw new Error('no error');
    const isAskedByHead = [401, 418, 429, 500, 502, 503].includes(status);
    // HEAD has no body, so no codes: where they matter, GET is asked.
    expect(result).toMatchObject({ failure, status, retryable, codes: isAskedByHead ? [] : codes });
    expect(result.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v2\/a\/b\/manifests\/t$/);
  });
});

test('what a presigned URL holds is not told', async () => {
  const location = 'http://storage.example/blob?X-Amz-Signature=secret&X-Amz-Credential=secret';
  const steps: ScriptedResponse[] = [
    { method: 'HEAD', status: 307, headers: { Location: location } },
    { method: 'HEAD', host: 'storage.example', status: 500 },
  ];
  await using registry = await startScriptedRegistry(steps, { standInNames: true });
  const result = await tryResolve(clientFor(registry.host), `${registry.host}/a:1`, user('ada'));
  expect(result).toMatchObject({
    failure: 'unavailable',
    url: expect.stringContaining('X-Amz-Signature=REDACTED'),
  });
  expect(JSON.stringify(result)).not.toContain('secret');
});
