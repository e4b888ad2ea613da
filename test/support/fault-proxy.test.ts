import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from './authority.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { image } from './registry/image.ts';
import { type Registry, startRegistry } from './registry/registry.ts';

const pushed = image();
let registry: Registry;
let proxy: FaultProxy;

beforeAll(async () => {
  registry = await startRegistry();
  registry.push('app', '1', pushed);
  proxy = await startFaultProxy({ to: { port: registry.port } });
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry.close();
});

/** What a client gets within half a second: the status and the body's length so far, nothing, or an error. */
function seen(): Promise<{ status?: number; bytes?: number; ended?: boolean; error?: string }> {
  return new Promise((resolve) => {
    const got: { status?: number; bytes?: number; ended?: boolean } = {};
    const sent = request(`http://${proxy.host}/v2/app/manifests/1`, {
      agent: false,
      headers: { accept: pushed.mediaType },
    });
    sent.on('response', (response) => {
      got.status = response.statusCode ?? 0;
      got.bytes = 0;
      response.on('data', (chunk: Buffer) => (got.bytes = (got.bytes ?? 0) + chunk.length));
      response.on('end', () => resolve({ ...got, ended: true }));
    });
    sent.on('error', () => resolve({ error: 'cut' }));
    sent.end();
    setTimeout(() => {
      resolve(got);
      sent.destroy();
    }, 500);
  });
}

const size = pushed.bytes.length;

describe('a client of the proxy gets', () => {
  test.each<[string, FaultProxy['fault'], object]>([
    ['the answer where there is no fault', undefined, { status: 200, bytes: size, ended: true }],
    ['no word on a silent connection', 'silent', {}],
    ['no answer where requests hang', 'hang', {}],
    ['no head where it stops halfway', 'half a head', {}],
    ['half a body', 'half a body', { status: 200, bytes: Math.floor(size / 2) }],
    ['cut off', 'reset', { error: 'cut' }],
    ['the answer later', { delayMs: 100 }, { status: 200, bytes: size, ended: true }],
    ['another answer', { status: 503, body: 'no' }, { status: 503, bytes: 2, ended: true }],
  ])('%s', async (_what, fault, expected) => {
    proxy.fault = fault;
    expect(await seen()).toEqual(expected);
  });

  test('a body of which a byte comes at a time', async () => {
    proxy.fault = 'dripping body';
    const { status, bytes = 0, ended } = await seen();
    expect([status, ended]).toEqual([200, undefined]);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(10);
  });

  test('another fault each time, if it is a function', async () => {
    proxy.fault = (number) => (number % 2 === 0 ? { status: 500 } : undefined);
    const statuses = [await seen(), await seen(), await seen()].map(({ status }) => status);
    expect(statuses).toEqual([500, 200, 500]);
  });
});

test('over TLS, it shows its own certificate, and does the same', async () => {
  const authority = await createAuthority();
  await using secure = await startRegistry({ tls: await authority.issue(['127.0.0.1']) });
  secure.push('app', '1', pushed);
  const tls = await authority.issue(['localhost']);
  await using before = await startFaultProxy({ to: { port: secure.port }, tls });
  const statusOf = () =>
    new Promise<number | string | undefined>((resolve) => {
      const port = Number(before.host.split(':')[1]);
      const options = { host: 'localhost', port, family: 4, path: '/v2/', ca: authority.caPem, agent: false };
      secureRequest(options, (response) => resolve(response.resume().statusCode))
        .on('error', () => resolve('cut'))
        .end();
    });
  const statuses: unknown[] = [];
  for (const fault of [undefined, { status: 429 }, 'reset'] as const) {
    before.fault = fault;
    statuses.push(await statusOf());
  }
  expect(statuses).toEqual([200, 429, 'cut']);
});
