import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  constants,
  createSecureServer,
  type Http2Session,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createKubernetesApi, type KubernetesApi } from '../../src/kubernetes/api.ts';
import { connect } from '../../src/kubernetes/connection.ts';
import { resources } from '../../src/kubernetes/resources.ts';
import { patient } from '../registry/clients.ts';
import { writeKubeconfig } from '../support/api-server/kubeconfig.ts';
import { createAuthority } from '../support/authority.ts';

const address = z.object({ port: z.number() });

/** An API server over HTTP/2, which answers each read of a Secret, or does something else with the stream. */
async function start(handle: (stream: ServerHttp2Stream, count: number) => 'answer' | 'handled') {
  const { caPem, issue } = await createAuthority();
  const { cert, key } = await issue(['127.0.0.1']);
  const server = createSecureServer({ cert, key });
  const sessions: ServerHttp2Session[] = [];
  let count = 0;
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    if (handle(stream, ++count) === 'handled') return;
    const name = String(headers[':path']).split('/').at(-1);
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify({ metadata: { name, namespace: 'team' } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-http2-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const { port } = address.parse(server.address());
  await writeKubeconfig(kubeconfig, { url: `https://127.0.0.1:${port}`, caPem, token: 'let-me-in' });
  const connection = connect({ kubeconfig });
  return {
    api: createKubernetesApi(connection),
    sessions,
    requests: () => count,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await connection.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const read = async (api: KubernetesApi, name: string, signal = patient()) =>
  (await api.readSecret('team', name, signal))?.metadata.name;

describe('a read is repeated, on a new connection if need be, when', () => {
  const names = Array.from({ length: 10 }, (_, i) => `secret-${i}`);
  const readAll = ({ api }: { api: KubernetesApi }) => Promise.all(names.map((name) => read(api, name)));

  test.each<[string, (session: Http2Session | undefined) => void]>([
    ['is cut', (session) => session?.destroy()],
    ['is asked to calm down', (session) => session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0)],
    ['fails', (session) => session?.destroy(new Error('broken'), constants.NGHTTP2_INTERNAL_ERROR)],
  ])('the session that it shares with nine others %s', async (_, end) => {
    await using at = await start((stream, count) => {
      if (count === 10) end(stream.session);
      return count > 10 ? 'answer' : 'handled';
    });
    expect(await readAll(at)).toEqual(names);
  });

  test.each([
    ['refused', constants.NGHTTP2_REFUSED_STREAM],
    ['reset', constants.NGHTTP2_INTERNAL_ERROR],
  ])('its stream is %s', async (_, code) => {
    await using at = await start((stream, count) => {
      if (count !== 5) return 'answer';
      stream.close(code);
      return 'handled';
    });
    expect(await readAll(at)).toEqual(names);
  });

  test('its answer is cut off in the middle', async () => {
    await using at = await start((stream, count) => {
      if (count > 1) return 'answer';
      stream.respond({ ':status': 200 });
      stream.write('{"metadata":', () => stream.session?.destroy());
      return 'handled';
    });
    expect(await read(at.api, 'login')).toBe('login');
  });
});

test('a read that fails twice is an error', async () => {
  await using at = await start((stream) => {
    stream.session?.destroy();
    return 'handled';
  });
  await expect(read(at.api, 'login')).rejects.toMatchObject({ name: 'KubernetesError', status: 0 });
  expect(at.requests()).toBe(2);
});

test('a write is sent once', async () => {
  await using at = await start((stream) => {
    stream.session?.destroy();
    return 'handled';
  });
  await expect(at.api.patchSecret('team', 'login', [], patient())).rejects.toMatchObject({ status: 0 });
  expect(at.requests()).toBe(1);
});

describe('a read that is told to come back later', () => {
  const busy = (stream: ServerHttp2Stream, seconds: string, status = 429) => {
    stream.respond({ ':status': status, 'retry-after': seconds });
    stream.end(JSON.stringify({ message: 'too many requests' }));
    return 'handled' as const;
  };

  test.each([429, 503])('does so, once (%i)', async (status) => {
    await using at = await start((stream, count) => (count === 1 ? busy(stream, '1', status) : 'answer'));
    const started = performance.now();
    expect(await read(at.api, 'login')).toBe('login');
    expect(performance.now() - started).toBeGreaterThan(950);
  });

  test.each([
    ['too late for any review', '60', 1],
    ['in a way that is no number of seconds', 'soon', 1],
    ['again', '0', 2],
  ])('%s is an error', async (_, seconds, requests) => {
    await using at = await start((stream) => busy(stream, seconds));
    await expect(read(at.api, 'login')).rejects.toMatchObject({
      status: 429,
      message: 'GET /api/v1/namespaces/team/secrets/login: too many requests',
    });
    expect(at.requests()).toBe(requests);
  });

  test('but has no time for it is an error that says what it was told', async () => {
    await using at = await start((stream) => busy(stream, '3'));
    await expect(read(at.api, 'login', AbortSignal.timeout(300))).rejects.toMatchObject({ status: 429 });
  });
});

test('reads that come after one without an answer go by another connection', async () => {
  await using at = await start((stream) => (stream.session === at.sessions[0] ? 'handled' : 'answer'));
  await expect(read(at.api, 'login', AbortSignal.timeout(3_200))).rejects.toThrow('no answer in time');
  expect(await read(at.api, 'login')).toBe('login');
  expect(at.sessions).toHaveLength(2);
});

test('a request that is too long for a server is not sent', async () => {
  await using at = await start(() => 'answer');
  const list = at.api.list(resources.Pod, 'team', z.unknown(), patient(), {
    labelSelector: 'x'.repeat(10_000),
  });
  await expect(list.next()).rejects.toMatchObject({
    message: 'GET /api/v1/namespaces/team/pods: the request is too long',
  });
  expect(at.requests()).toBe(0);
});
