import { expect, test } from 'vitest';
import type { Outcome, ReceivedRequest } from '../support/answering.ts';
import { startAnswering } from '../support/answering.ts';
import { RequestLog } from '../support/request-log.ts';
import { clientFor, tryResolve, user } from './clients.ts';

const found = {
  status: 200,
  headers: {
    'Content-Type': 'application/vnd.oci.image.index.v1+json',
    'Docker-Content-Digest': `sha256:${'a'.repeat(64)}`,
  },
};

/** A registry that accepts the token of its own path only: `/token-1`, then another. */
async function start(tokenServer: (request: ReceivedRequest, current: string) => Outcome) {
  const log = new RequestLog();
  const state = { current: '/token-1' };
  const registry = await startAnswering({
    log,
    answer(request) {
      if (request.path.startsWith('/token')) return tokenServer(request, state.current);
      if (request.headers.authorization === `Bearer ${state.current}`) return found;
      const challenge = `Bearer realm="http://${request.headers.host}${state.current}"`;
      return { status: 401, headers: { 'WWW-Authenticate': challenge } };
    },
  });
  return { log, registry, state };
}

const grant = (path: string): Outcome => ({ status: 200, body: JSON.stringify({ token: path }) });

test('a token server that has moved is found again', async () => {
  const { log, registry, state } = await start(({ path }, current) =>
    path === current ? grant(path) : { status: 404 },
  );
  await using _ = registry;
  const client = clientFor(registry.host);
  expect(await tryResolve(client, `${registry.host}/a/b:1`)).toHaveProperty('digest');
  state.current = '/token-2';
  log.clear();
  expect(await tryResolve(client, `${registry.host}/a/b:1`)).toHaveProperty('digest');
  expect(await tryResolve(client, `${registry.host}/a/b:1`)).toHaveProperty('digest');
  const asked = log.entries.map(({ method, path }) => `${method} ${path}`);
  const manifest = 'HEAD /v2/a/b/manifests/1';
  expect(asked).toEqual([manifest, 'GET /token-2', manifest, manifest]);
});

test('if a token server is gone, the registry is asked for its current challenge', async () => {
  const { log, registry, state } = await start(({ path }, current) =>
    path === current ? grant(path) : { status: 404 },
  );
  await using _ = registry;
  const client = clientFor(registry.host);
  expect(await tryResolve(client, `${registry.host}/a/b:1`, user('ada'))).toHaveProperty('digest');
  state.current = '/token-2';
  log.clear();
  // No token of this user is known yet, so one is asked for where tokens were.
  expect(await tryResolve(client, `${registry.host}/a/b:1`, user('eve'))).toHaveProperty('digest');
  expect(log.entries.map(({ path }) => path).filter((path) => path.startsWith('/token'))).toEqual([
    '/token-1',
    '/token-2',
  ]);
});

test.each([401, 403, 429])('a token server that answers %i is not asked twice', async (status) => {
  let granted = 0;
  const { log, registry } = await start(({ path }) => (granted++ === 0 ? grant(path) : { status }));
  await using _ = registry;
  const client = clientFor(registry.host);
  await tryResolve(client, `${registry.host}/a/b:1`, user('ada'));
  log.clear();
  expect(await tryResolve(client, `${registry.host}/a/b:1`, user('eve'))).toMatchObject({ status });
  expect(log.entries).toHaveLength(1);
});
