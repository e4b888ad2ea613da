import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { listen } from '../../src/webhook/graceful-server.ts';
import { createAuthority } from '../support/authority.ts';

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

test('a connection that never begins its TLS handshake does not delay closing', async () => {
  const authority = await createAuthority();
  const server = createSecureServer(await authority.issue(['127.0.0.1']));
  const listening = await listen(server, 0, 200);
  const socket = connect(portOf(server.address()), '127.0.0.1');
  await once(socket, 'connect');
  const ended = once(socket, 'close');
  await listening.close();
  await ended;
  expect(server.listening).toBe(false);
});

/** A server, and a caller who keeps his connections. */
async function start(handler: RequestListener, closeTimeout?: number) {
  const server = createServer(handler);
  const listening = await listen(server, 0, closeTimeout);
  const agent = new Agent({ keepAlive: true });
  const port = portOf(server.address());
  const call = async () => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: '127.0.0.1', port, agent }, resolve).once('error', reject);
    });
    return await text(response);
  };
  return { call, close: () => listening.close() };
}

/** Milliseconds that it takes. */
async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

test('an idle connection does not delay closing', async () => {
  const { call, close } = await start((_request, response) => response.end('done'));
  expect(await call()).toBe('done');
  expect(await timed(close)).toBeLessThan(1_000);
});

test('a request under way while closing is answered, then its connection is closed', async () => {
  const { call, close } = await start((_request, response) => {
    setTimeout(() => response.end('done'), 300);
  });
  const underWay = call();
  await delay(100);
  expect(await timed(close)).toBeLessThan(2_000);
  expect(await underWay).toBe('done');
});

test('no new connection is accepted while closing', async () => {
  const { call, close } = await start((_request, response) => {
    setTimeout(() => response.end('done'), 300);
  });
  const underWay = call();
  await delay(100);
  const closed = close();
  await expect(call()).rejects.toThrow('ECONNREFUSED');
  await Promise.all([underWay, closed]);
});

test('a request that is never answered is cut off on the timeout', async () => {
  const { call, close } = await start(() => {}, 200);
  const underWay = call();
  underWay.catch(() => {});
  await delay(100);
  expect(await timed(close)).toBeLessThan(2_000);
  await expect(underWay).rejects.toThrow();
});
