import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { image } from './registry/image.ts';
import { ociManifest } from './registry/media-types.ts';
import { type Registry, type RegistryOptions, startRegistry } from './registry/registry.ts';

const users = [
  {
    name: 'ann',
    password: 'correct:horse',
    pull: ['team/*'],
    push: ['team/*'],
    identityToken: 'identity-of-ann',
  },
  { name: 'bob', password: 'battery-staple', pull: ['other'] },
];

async function start(auth: RegistryOptions['auth']): Promise<Registry> {
  const registry = await startRegistry({ ...(auth && { auth }), users, public: ['public/*'] });
  for (const repository of ['team/app', 'public/app']) registry.push(repository, '1', image());
  return registry;
}

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

function pull(registry: Registry, repository: string, authorization?: string): Promise<Response> {
  return fetch(`${registry.url}/v2/${repository}/manifests/1`, {
    headers: { Accept: ociManifest, ...(authorization && { Authorization: authorization }) },
  });
}

describe('Basic', () => {
  test.each([
    ['its user pulls', 'team/app', basic('ann', 'correct:horse'), 200],
    ['a wrong password', 'team/app', basic('ann', 'wrong'), 401],
    ['no credentials', 'team/app', undefined, 401],
    ['a user without the right', 'team/app', basic('bob', 'battery-staple'), 403],
    ['no credentials for a public repository', 'public/app', undefined, 200],
    ['a wrong password for a public repository', 'public/app', basic('ann', 'wrong'), 401],
  ])('%s', async (_, repository, authorization, status) => {
    await using registry = await start({ scheme: 'basic' });
    expect((await pull(registry, repository, authorization)).status).toBe(status);
  });
  test('the challenge names the realm', async () => {
    await using registry = await start({ scheme: 'basic', realm: 'here' });
    expect((await pull(registry, 'team/app')).headers.get('WWW-Authenticate')).toBe('Basic realm="here"');
  });
  test('/v2/ wants credentials', async () => {
    await using registry = await start({ scheme: 'basic' });
    expect((await fetch(`${registry.url}/v2/`)).status).toBe(401);
  });
});

const tokens = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  refresh_token: z.string().optional(),
});

function tokenRequest(registry: Registry, repository: string, authorization?: string): Promise<Response> {
  const url = `${registry.realm}?service=s&scope=repository:${repository}:pull`;
  return fetch(url, authorization ? { headers: { Authorization: authorization } } : {});
}

async function bearer(registry: Registry, repository: string, authorization?: string): Promise<string> {
  const { token } = tokens.parse(await (await tokenRequest(registry, repository, authorization)).json());
  return `Bearer ${token}`;
}

function post(registry: Registry, form: Record<string, string>): Promise<Response> {
  const body = new URLSearchParams({ service: 's', scope: 'repository:team/app:pull', ...form });
  return fetch(registry.realm ?? '', { method: 'POST', body });
}

describe('Bearer', () => {
  test('the challenge names realm, service and scope', async () => {
    await using registry = await start({ scheme: 'bearer', service: 's' });
    const challenge = (await pull(registry, 'team/app')).headers.get('WWW-Authenticate');
    expect(challenge).toBe(
      `Bearer realm="${registry.url}/token",service="s",scope="repository:team/app:pull"`,
    );
  });
  test('a push is challenged for both actions', async () => {
    await using registry = await start({ scheme: 'bearer' });
    const { headers } = await fetch(`${registry.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
    expect(headers.get('WWW-Authenticate')).toContain('scope="repository:team/app:pull,push"');
  });
  test('a token for the repository lets in', async () => {
    await using registry = await start({ scheme: 'bearer' });
    const token = await bearer(registry, 'team/app', basic('ann', 'correct:horse'));
    expect((await pull(registry, 'team/app', token)).status).toBe(200);
  });
  test('an anonymous token lets into a public repository', async () => {
    await using registry = await start({ scheme: 'bearer' });
    expect((await pull(registry, 'public/app', await bearer(registry, 'public/app'))).status).toBe(200);
  });
  test.each([
    ['an anonymous token', undefined],
    ['the token of a user without the right', basic('bob', 'battery-staple')],
  ])('%s has insufficient scope', async (_, authorization) => {
    await using registry = await start({ scheme: 'bearer' });
    const { status, headers } = await pull(
      registry,
      'team/app',
      await bearer(registry, 'team/app', authorization),
    );
    expect([status, headers.get('WWW-Authenticate')]).toEqual([
      401,
      expect.stringContaining('error="insufficient_scope"'),
    ]);
  });
  test('a token for one repository is not good for another', async () => {
    await using registry = await start({ scheme: 'bearer' });
    const token = await bearer(registry, 'public/app', basic('ann', 'correct:horse'));
    expect((await pull(registry, 'team/app', token)).status).toBe(401);
  });
  test('a wrong password gets no token', async () => {
    await using registry = await start({ scheme: 'bearer' });
    expect((await tokenRequest(registry, 'team/app', basic('ann', 'wrong'))).status).toBe(401);
  });
  test.each(['unknown', 'revoked'])('an %s token is invalid', async (kind) => {
    await using registry = await start({ scheme: 'bearer' });
    const token = kind === 'unknown' ? 'Bearer x' : await bearer(registry, 'public/app');
    registry.revokeTokens();
    const { headers } = await pull(registry, 'public/app', token);
    expect(headers.get('WWW-Authenticate')).toContain('error="invalid_token"');
  });
  test('a token expires', async () => {
    await using registry = await start({ scheme: 'bearer', expiresIn: 0.01 });
    const token = await bearer(registry, 'public/app');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect((await pull(registry, 'public/app', token)).status).toBe(401);
  });
  test('the token can be called access_token', async () => {
    await using registry = await start({ scheme: 'bearer', tokenField: 'access_token' });
    const answer = await (await tokenRequest(registry, 'public/app')).json();
    expect(answer).toMatchObject({ access_token: expect.any(String), expires_in: 300 });
  });
  test('the token server can be another', async () => {
    await using registry = await start({ scheme: 'bearer', separateTokenServer: true });
    const token = await bearer(registry, 'public/app');
    expect(registry.realm).not.toContain(registry.host);
    expect((await pull(registry, 'public/app', token)).status).toBe(200);
  });
  test('a token that would grant nothing can be refused', async () => {
    await using registry = await start({ scheme: 'bearer', refuseUngranted: true });
    expect((await tokenRequest(registry, 'team/app')).status).toBe(403);
  });
  test('the log counts token requests', async () => {
    await using registry = await start({ scheme: 'bearer', separateTokenServer: true });
    await tokenRequest(registry, 'public/app');
    expect(registry.requests.tokens()).toHaveLength(1);
  });
});

describe('a token request by POST', () => {
  test.each([
    ['an identity token', { grant_type: 'refresh_token', refresh_token: 'identity-of-ann' }, 200],
    ['an unknown refresh token', { grant_type: 'refresh_token', refresh_token: 'x' }, 401],
    ['name and password', { grant_type: 'password', username: 'ann', password: 'correct:horse' }, 200],
    ['another grant', { grant_type: 'client_credentials' }, 400],
  ])('with %s', async (_, form, status) => {
    await using registry = await start({ scheme: 'bearer' });
    expect((await post(registry, form)).status).toBe(status);
  });
  test('gets a token that lets in', async () => {
    await using registry = await start({ scheme: 'bearer' });
    const answer = await post(registry, { grant_type: 'refresh_token', refresh_token: 'identity-of-ann' });
    const { access_token } = tokens.parse(await answer.json());
    expect((await pull(registry, 'team/app', `Bearer ${access_token}`)).status).toBe(200);
  });
  test('can get a refresh token to ask with again', async () => {
    await using registry = await start({ scheme: 'bearer' });
    const login = {
      grant_type: 'password',
      username: 'ann',
      password: 'correct:horse',
      access_type: 'offline',
    };
    const { refresh_token = '' } = tokens.parse(await (await post(registry, login)).json());
    expect((await post(registry, { grant_type: 'refresh_token', refresh_token })).status).toBe(200);
  });
  test('can be unknown to the registry', async () => {
    await using registry = await start({ scheme: 'bearer', withoutPost: true });
    expect(
      (await post(registry, { grant_type: 'refresh_token', refresh_token: 'identity-of-ann' })).status,
    ).toBe(404);
  });
});
