import { expect, test } from 'vitest';
import { startScriptedRegistry } from '../support/registry/scripted.ts';
import { clientWith, tryResolve, user } from './clients.ts';

const refusal = (headers: Record<string, string> = {}) => ({
  method: 'HEAD',
  path: '/v2/app/manifests/1',
  status: 401,
  headers,
});

test('a registry that refuses without a challenge was sent no credential', async () => {
  await using registry = await startScriptedRegistry([refusal()]);
  const result = await tryResolve(clientWith({}), `${registry.host}/app:1`, user('ada'));
  expect(result).toMatchObject({ failure: 'unauthorized', isUnchallenged: true });
});

test('one that asks for a login, and then refuses without a challenge, was sent it', async () => {
  const challenge = { 'WWW-Authenticate': 'Basic realm="r"' };
  await using registry = await startScriptedRegistry([refusal(challenge), refusal()]);
  const result = await tryResolve(clientWith({}), `${registry.host}/app:1`, user('ada'));
  expect(result).toMatchObject({ failure: 'unauthorized', isUnchallenged: false });
});
