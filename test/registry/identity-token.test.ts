import { describe, expect, test } from 'vitest';
import { Credential } from '../../src/credentials/credential.ts';
import { RegistryError } from '../../src/registry/error.ts';
import { jsonReply, type Outcome, type ReceivedRequest, startAnswering } from '../support/answering.ts';
import { image } from '../support/registry/image.ts';
import { type BearerAuth, startRegistry } from '../support/registry/registry.ts';
import { RequestLog } from '../support/request-log.ts';
import { clientFor, tryResolve } from './clients.ts';

const users = [
  { name: 'ada', password: 'correct-horse', identityToken: 'identity-of-ada', pull: ['team/*'] },
];
const identity = (identityToken: string, fields: { username?: string; password?: string } = {}) =>
  new Credential({ identityToken, ...fields, source: 'test' });

/** Resolves a private image with the credential; tells what came out and how tokens were asked for. */
async function resolveWith(credential: Credential, auth: Partial<BearerAuth> = {}) {
  await using registry = await startRegistry({ auth: { scheme: 'bearer', ...auth }, users });
  const digest = registry.push('team/app', '1', image());
  const result = await tryResolve(clientFor(registry.host), `${registry.host}/team/app:1`, credential);
  const failure = result instanceof RegistryError ? result.failure : undefined;
  return {
    found: failure ?? result,
    digest,
    methods: registry.requests.tokens().map(({ method }) => method),
  };
}

describe('an identity token', () => {
  test('is exchanged for a token by POST', async () => {
    const { found, digest, methods } = await resolveWith(identity('identity-of-ada'));
    expect(found).toMatchObject({ digest });
    expect(methods).toEqual(['POST']);
  });

  test('gives way to GET with the password where the token server knows no POST', async () => {
    const credential = identity('identity-of-ada', { username: 'ada', password: 'correct-horse' });
    const { found, digest, methods } = await resolveWith(credential, { withoutPost: true });
    expect(found).toMatchObject({ digest });
    expect(methods).toEqual(['POST', 'GET']);
  });

  test('that is refused gives way to the password', async () => {
    const credential = identity('revoked', { username: 'ada', password: 'correct-horse' });
    const { found, digest, methods } = await resolveWith(credential);
    expect(found).toMatchObject({ digest });
    expect(methods).toEqual(['POST', 'GET']);
  });

  test('that is refused, with no password beside it, is refused', async () => {
    const { found, methods } = await resolveWith(identity('revoked', { username: 'ada' }));
    expect(found).toBe('unauthorized');
    expect(methods).toEqual(['POST']);
  });
});

/** A registry whose token server answers as the test says; tells the requests with their bodies. */
async function exchange(credential: Credential, token: (request: ReceivedRequest, count: number) => Outcome) {
  const asked: ReceivedRequest[] = [];
  await using registry = await startAnswering({
    log: new RequestLog(),
    answer(request) {
      if (request.path === '/token') return token(request, asked.push(request));
      if (request.path !== '/v2/team/app/manifests/1') return { status: 404 };
      if (request.headers.authorization === 'Bearer granted') {
        const headers = {
          'Content-Type': 'application/vnd.oci.image.index.v1+json',
          'Docker-Content-Digest': `sha256:${'a'.repeat(64)}`,
        };
        return { status: 200, headers };
      }
      const realm = `http://${request.headers.host}/token?account=1`;
      const challenge = `Bearer realm="${realm}",service="the registry",scope="repository:team/app:pull registry:catalog:*"`;
      return { status: 401, headers: { 'WWW-Authenticate': challenge } };
    },
  });
  const result = await tryResolve(clientFor(registry.host), `${registry.host}/team/app:1`, credential);
  return { result, asked };
}

test('the exchange names the service, the scopes, the client and the token, and all in the body', async () => {
  const { result, asked } = await exchange(identity('identity-of-ada'), () =>
    jsonReply(200, { access_token: 'granted' }),
  );
  expect(result).toHaveProperty('digest');
  expect(asked).toHaveLength(1);
  const [request] = asked;
  expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  expect(request?.headers.authorization).toBeUndefined();
  expect([...(request?.query ?? [])]).toEqual([['account', '1']]);
  expect([...new URLSearchParams(request?.body.toString())]).toEqual([
    ['grant_type', 'refresh_token'],
    ['service', 'the registry'],
    ['scope', 'repository:team/app:pull registry:catalog:*'],
    ['client_id', 'tagpin'],
    ['refresh_token', 'identity-of-ada'],
  ]);
});

test.each([400, 401, 404, 405])('%i to the exchange makes it GET', async (status) => {
  const credential = identity('identity-of-ada', { username: 'ada', password: 'correct-horse' });
  const { result, asked } = await exchange(credential, ({ method }) =>
    method === 'POST' ? { status } : jsonReply(200, { token: 'granted' }),
  );
  expect(result).toHaveProperty('digest');
  expect(asked.map(({ method, headers }) => [method, headers.authorization])).toEqual([
    ['POST', undefined],
    ['GET', `Basic ${Buffer.from('ada:correct-horse').toString('base64')}`],
  ]);
});

test.each([403, 429])('%i to the exchange is the answer', async (status) => {
  const credential = identity('identity-of-ada', { username: 'ada', password: 'correct-horse' });
  const { result, asked } = await exchange(credential, () => ({ status }));
  expect(result).toMatchObject({ status });
  expect(asked).toHaveLength(1);
});

test.each([301, 302, 303, 307])(
  'an identity token is not passed on by a %i to another host',
  async (status) => {
    const { result, asked } = await exchange(identity('identity-of-ada'), () => ({
      status,
      headers: { Location: 'http://elsewhere.example/token' },
    }));
    expect(result).toMatchObject({ failure: 'redirect' });
    expect(asked).toHaveLength(1);
  },
);

describe('a token server that', () => {
  const ada = new Credential({ username: 'ada', password: 'correct-horse', source: 'test' });

  test.each([500, 502, 503, 504])('answers %i is asked once more', async (status) => {
    const { result, asked } = await exchange(ada, (_, count) =>
      count === 1 ? { status } : jsonReply(200, { token: 'granted' }),
    );
    expect(result).toHaveProperty('digest');
    expect(asked).toHaveLength(2);
  });

  test('goes on answering 503 is unavailable', async () => {
    const { result, asked } = await exchange(ada, () => ({ status: 503 }));
    expect(result).toMatchObject({ failure: 'unavailable', status: 503, retryable: true });
    expect(asked).toHaveLength(2);
  });

  test('cuts the connection is asked once more', async () => {
    const { result } = await exchange(ada, (_, count) =>
      count === 1 ? 'reset' : jsonReply(200, { token: 'granted' }),
    );
    expect(result).toHaveProperty('digest');
  });
});
