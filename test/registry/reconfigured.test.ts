import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Registries, RegistrySettings } from '../../src/config/registry-settings.ts';
import { parseReference } from '../../src/image/reference.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { Endpoints } from '../../src/registry/endpoint.ts';
import { RegistryError } from '../../src/registry/error.ts';
import { createAuthority } from '../support/authority.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { everythingIsHere, patient } from './clients.ts';

const [authority, other] = [await createAuthority(), await createAuthority('Another authority')];
const server = await authority.issue(['one.example', 'two.example']);
const trusted: RegistrySettings = { tls: { ca: [authority.caPem] } };
const untrusted: RegistrySettings = { tls: { ca: [other.caPem] } };

let registries: Record<'one' | 'two', Registry>;
beforeAll(async () => {
  const start = (name: string) => startRegistry({ tls: server, name });
  registries = { one: await start('one.example'), two: await start('two.example') };
  for (const registry of Object.values(registries)) registry.push('app', '1', image());
});
afterAll(() => Promise.all(Object.values(registries).map((registry) => registry.close())));

/** A client of both registries whose settings can be changed. */
function connect(settings: Record<'one' | 'two', RegistrySettings>) {
  const named = (of: typeof settings): Registries => ({
    settings: new Map([
      [registries.one.host, of.one],
      [registries.two.host, of.two],
    ]),
  });
  let now = named(settings);
  const endpoints = new Endpoints(() => now, { lookup: everythingIsHere, isInternal: () => false });
  const client = new RegistryClient(endpoints);
  return {
    change: (changed: typeof settings) => {
      now = named(changed);
    },
    resolve: async (name: 'one' | 'two') => {
      const reference = parseReference(`${registries[name].host}/app:1`);
      return client.resolve(reference, undefined, patient()).then(
        () => 'found',
        (error: unknown) => (error instanceof RegistryError ? error.failure : error),
      );
    },
    [Symbol.asyncDispose]: () => endpoints.close(),
  };
}

/** How many connections each registry has been asked for meanwhile. */
function countConnections() {
  const counts = { one: 0, two: 0 };
  const count = (name: 'one' | 'two') => () => {
    counts[name]++;
  };
  const listeners = { one: count('one'), two: count('two') };
  for (const name of ['one', 'two'] as const) registries[name].server.on('connection', listeners[name]);
  return {
    counts,
    [Symbol.dispose]: () => {
      for (const name of ['one', 'two'] as const) registries[name].server.off('connection', listeners[name]);
    },
  };
}

test('a CA that has been taken away is trusted no longer, whatever connections there were', async () => {
  await using it = connect({ one: trusted, two: trusted });
  expect(await it.resolve('one')).toBe('found');
  it.change({ one: untrusted, two: trusted });
  expect(await it.resolve('one')).toBe('untrusted');
  it.change({ one: trusted, two: trusted });
  expect(await it.resolve('one')).toBe('found');
});

test('connections are made anew where settings have changed, and kept elsewhere', async () => {
  using connections = countConnections();
  await using it = connect({ one: trusted, two: trusted });
  await Promise.all([it.resolve('one'), it.resolve('two')]);
  expect(connections.counts).toEqual({ one: 1, two: 1 });
  it.change({ one: { tls: { ca: [authority.caPem, other.caPem] } }, two: trusted });
  expect([await it.resolve('one'), await it.resolve('two')]).toEqual(['found', 'found']);
  expect(connections.counts).toEqual({ one: 2, two: 1 });
});

test('connections that nobody has a use for any more are closed', async () => {
  await using it = connect({ one: trusted, two: untrusted });
  const closed = new Promise((resolve) => {
    registries.one.server.once('connection', (socket) => socket.once('close', () => resolve('closed')));
  });
  await it.resolve('one');
  it.change({ one: untrusted, two: untrusted });
  await it.resolve('two');
  // Sooner than the server would.
  expect(await Promise.race([closed, delay(1_000, 'open')])).toBe('closed');
});

test('what is on its way arrives', async () => {
  await using it = connect({ one: trusted, two: untrusted });
  const { promise: asked, resolve: tell } = Promise.withResolvers<void>();
  registries.one.fault = () => {
    registries.one.fault = undefined;
    tell();
    return { delayMs: 200 };
  };
  const resolving = it.resolve('one');
  await asked;
  it.change({ one: untrusted, two: untrusted });
  expect(await it.resolve('one')).toBe('untrusted');
  expect(await resolving).toBe('found');
});
