import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Credential } from '../../src/credentials/credential.ts';
import { checkRealm } from '../../src/registry/address.ts';
import { chooseChallenge, parseChallenges } from '../../src/registry/challenge.ts';
import { Endpoints } from '../../src/registry/endpoint.ts';
import { RegistryError } from '../../src/registry/error.ts';
import { RegistryHttp } from '../../src/registry/http.ts';
import { basicAuthorization, Tokens, tokenUrl } from '../../src/registry/token.ts';
import { readToken } from '../../src/registry/token-response.ts';
import { cases, testedIn, vectors } from '../support/vectors.ts';

const registry = { host: 'registry.example.com', plainHttp: false };
const url = new URL('https://auth.example.com/token');

const answer = (status: number, body: string) => ({ url, status, headers: {}, body: Buffer.from(body) });

function failureOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError) return error.failure;
    throw error;
  }
}

const request = z.object({
  name: z.string(),
  challenge: z.string(),
  repository: z.string(),
  credential: z
    .object({ username: z.string(), password: z.string() })
    .nullable()
    .or(z.object({ registrytoken: z.string() })),
  expect: z.union([
    z.object({ error: z.string() }),
    z.object({ tokenRequest: z.null(), registryAuthorization: z.string() }),
    z.object({
      method: z.literal('GET'),
      url: z.string().optional(),
      urlContains: z.string().optional(),
      query: z.array(z.tuple([z.string(), z.string()])),
      authorization: z.string().nullish(),
    }),
  ]),
});

vectors('challenge.json', {
  parse: testedIn('test/registry/challenge.test.ts'),
  realmPolicy: testedIn('test/registry/address.test.ts'),
  redirectPolicy: testedIn('test/registry/address.test.ts'),
  canonicalAddress: testedIn('test/registry/address.test.ts'),
  flows: testedIn('test/registry/client.test.ts'),
  tokenRequest: cases(
    request,
    ({ name }) => name,
    async ({ challenge: header, repository, credential: fields, expect: expected }) => {
      const challenges = parseChallenges(header);
      if ('error' in expected && expected.error === 'unauthorized') {
        expect(chooseChallenge(challenges)?.scheme).toBe('basic');
        return;
      }
      const challenge = challenges[0];
      if (challenge === undefined) throw new Error('no challenge');
      const ask = () =>
        tokenUrl(checkRealm(challenge.params['realm'] ?? '', registry), challenge, repository);
      if ('error' in expected) {
        expect(failureOf(ask)).toBe(expected.error);
      } else if ('tokenRequest' in expected) {
        // No token server is there: a request to it would fail.
        const tokens = new Tokens(new RegistryHttp(new Endpoints()));
        const credential = new Credential({ registryToken: 'rt', source: 'test' });
        const endpoint = new Endpoints().registry(registry.host);
        const token = await tokens.token(
          challenge,
          { endpoint, repository, credential },
          AbortSignal.timeout(1000),
        );
        expect(`Bearer ${token}`).toBe(expected.registryAuthorization);
      } else {
        const asked = ask();
        expect([...asked.searchParams]).toEqual(expected.query);
        if (expected.url !== undefined) expect(asked.origin + asked.pathname).toBe(expected.url);
        if (expected.authorization !== undefined) {
          const credential =
            fields && 'username' in fields ? new Credential({ ...fields, source: 'test' }) : undefined;
          expect((credential && basicAuthorization(credential)) ?? null).toBe(expected.authorization);
        }
      }
    },
  ),
  tokenResponse: cases(
    z.object({
      status: z.number(),
      body: z.string(),
      expect: z.object({
        token: z.string().optional(),
        tokenOneOf: z.array(z.string()).optional(),
        lifetimeSeconds: z.number().optional(),
        error: z.string().optional(),
        retry: z.boolean().optional(),
      }),
    }),
    ({ status, body }) => `${status} ${body}`,
    ({ status, body, expect: expected }) => {
      const read = () => readToken(answer(status, body));
      if (expected.error !== undefined) expect(failureOf(read)).toBe(expected.error);
      else if (expected.retry) expect(read).toThrow(expect.objectContaining({ retryable: true }));
      else {
        const { token, lifetime } = read();
        expect(expected.tokenOneOf ?? [expected.token]).toContain(token);
        expect(lifetime).toBe(expected.lifetimeSeconds);
      }
    },
  ),
});

test('a scope that the challenge names is not asked for twice', () => {
  const [challenge] = parseChallenges(
    'Bearer realm="https://a/t",scope="repository:a/b:pull repository:c:pull"',
  );
  if (challenge === undefined) throw new Error('no challenge');
  expect(tokenUrl(new URL('https://a/t'), challenge, 'a/b').searchParams.getAll('scope')).toEqual([
    'repository:a/b:pull',
    'repository:c:pull',
  ]);
});

test('an empty credential is no credential', () => {
  expect(basicAuthorization(new Credential({ source: 'test' }))).toBeUndefined();
});

describe('the lifetime of a token', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  const lifetimeOf = (fields: object) =>
    readToken(answer(200, JSON.stringify({ token: 't', ...fields })), now).lifetime;
  const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

  test.each([
    ['counts from issued_at', { expires_in: 300, issued_at: ago(100) }, 200],
    [
      'counts from issued_at with nanoseconds',
      { expires_in: 300, issued_at: '2026-01-02T03:03:05.123456789Z' },
      240,
    ],
    ['is 60 s at least', { expires_in: 300, issued_at: ago(290) }, 60],
    ['counts from now if it was issued in the future', { expires_in: 300, issued_at: ago(-86_400) }, 300],
    ['counts from now if it would be over on arrival', { expires_in: 300, issued_at: ago(86_400) }, 300],
    ['counts from now if issued_at is no time', { expires_in: 300, issued_at: 'yesterday' }, 300],
    ['counts from now if issued_at is no text', { expires_in: 300, issued_at: 7 }, 300],
    ['is 60 s if expires_in is no number', { expires_in: 'soon' }, 60],
    ['may be written as text', { expires_in: '300' }, 300],
    ['is whole seconds', { expires_in: 299.9 }, 299],
    ['is a day at most', { expires_in: 1e300 }, 86_400],
  ])('%s', (_, fields, lifetime) => expect(lifetimeOf(fields)).toBe(lifetime));
});

test('a registry token that no header can hold is refused', async () => {
  const tokens = new Tokens(new RegistryHttp(new Endpoints()));
  const credential = new Credential({ registryToken: 'a\r\nX: b', source: 'test' });
  const endpoint = new Endpoints().registry(registry.host);
  const asked = tokens.token(
    { scheme: 'bearer', params: { realm: 'https://a/t' } },
    { endpoint, repository: 'a/b', credential },
    AbortSignal.timeout(1000),
  );
  await expect(asked).rejects.toMatchObject({ failure: 'invalid_token' });
});
