import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setDefaultCACertificates } from 'node:tls';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CloudCredentials } from '../../../src/credentials/cloud/cloud-credentials.ts';
import { CredentialError, type CredentialSource } from '../../../src/credentials/credential.ts';
import { clientFor, patient, tryResolve } from '../../registry/clients.ts';
import { jsonReply } from '../../support/answering.ts';
import { createAuthority } from '../../support/authority.ts';
import {
  type AzureServer,
  CLIENT,
  startEntra,
  startExchange,
  TENANT,
  unsignedToken,
} from '../../support/azure.ts';
import { connectionsTo, noConnections } from '../../support/connections.ts';
import { becomeOnly } from '../../support/environment.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { image } from '../../support/registry/image.ts';
import { startRegistry } from '../../support/registry/registry.ts';

const HOST = 'example.azurecr.io';
const USER = '00000000-0000-0000-0000-000000000000';
const ASSERTION = unsignedToken({ sub: 'system:serviceaccount:tagpin-system:tagpin' });
const ACCESS_TOKEN = unsignedToken({ aud: 'https://containerregistry.azure.net' });

const authority = await createAuthority();
setDefaultCACertificates([authority.caPem]);
const folder = mkdtempSync(join(tmpdir(), 'tagpin-azure-'));
writeFileSync(join(folder, 'token'), ASSERTION);
afterAll(() => rmSync(folder, { recursive: true }));

let clock: ManualClock;
let source: CredentialSource;
let entra: AzureServer;
let exchange: AzureServer;
/** When the registry says that its token was issued, and when it expires. */
let claims: Record<string, number>;
const refreshToken = () => unsignedToken({ ...claims, aud: HOST });

beforeEach(async () => {
  clock = new ManualClock();
  const now = Math.floor(Date.now() / 1_000);
  claims = { iat: now, exp: now + 3 * 60 * 60 };
  entra = await startEntra(authority, ASSERTION, ACCESS_TOKEN);
  exchange = await startExchange(authority, HOST, { accessToken: ACCESS_TOKEN, refreshToken });
  const dispatcher = connectionsTo(exchange.port, authority.caPem);
  source = new CloudCredentials({ dispatcher: () => dispatcher, clock });
  becomeOnly({
    AZURE_AUTHORITY_HOST: entra.url,
    AZURE_TENANT_ID: TENANT,
    AZURE_CLIENT_ID: CLIENT,
    AZURE_FEDERATED_TOKEN_FILE: join(folder, 'token'),
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all([entra.close(), exchange.close()]);
});

const get = (repository = `${HOST}/team/app`) => source.credentials(repository, patient());

async function failureOf(repository?: string): Promise<CredentialError> {
  const error = await get(repository).catch((thrown: unknown) => thrown);
  if (error instanceof CredentialError) return error;
  throw new Error(`no CredentialError: ${inspect(error)}`);
}

/** Everything there is about an error, hidden or not. */
const allOf = (error: unknown) => inspect(error, { depth: 9, showHidden: true });

describe('a workload identity', () => {
  test('gives a token that pulls a private image', async () => {
    const password = refreshToken();
    await using registry = await startRegistry({
      auth: { scheme: 'bearer' },
      users: [{ name: USER, password, pull: ['*'] }],
    });
    const digest = registry.push('team/app', '1', image());
    const [credential] = await get();
    expect(credential?.source).toBe(`tagpin's Azure identity (${HOST})`);
    const host = `127.0.0.1:${registry.port}`;
    expect(await tryResolve(clientFor(host), `${host}/team/app:1`, credential)).toMatchObject({ digest });
  });

  test('asks Microsoft and the registry once for a hundred pods', async () => {
    await Promise.all(
      Array.from({ length: 100 }, (_, pod) => get(`${HOST}${pod % 2 ? '' : ':443'}/app${pod}`)),
    );
    expect([entra.tokens(), exchange.tokens()]).toEqual([1, 1]);
  });

  test('asks Microsoft once for all registries, none of which sees what is for another', async () => {
    await Promise.all([get(), failureOf('other.azurecr.io/app')]);
    expect([entra.tokens(), exchange.tokens()]).toEqual([1, 1]);
  });

  test('that Microsoft refuses is reported with its remedy, without the token', async () => {
    entra.fault = {
      outcome: jsonReply(401, {
        error: 'invalid_client',
        error_description: `AADSTS700213: No matching federated identity for ${ASSERTION}\r\nTrace ID: 1`,
      }),
    };
    const errors = await Promise.all(Array.from({ length: 100 }, () => failureOf()));
    expect(entra.tokens()).toBe(1);
    expect(errors[0]?.message).toMatch(/^Microsoft Entra gives no token: .*AADSTS700213/);
    expect(errors[0]?.message).not.toContain('\n');
    expect(errors[0]?.remedy).toContain('azure.workload.identity/client-id');
    expect(allOf(errors[0])).not.toContain(ASSERTION);
    expect(allOf(errors[0])).not.toContain(ASSERTION.split('.')[1]);
  });

  test("whose token's file is missing is told", async () => {
    vi.stubEnv('AZURE_FEDERATED_TOKEN_FILE', '/does/not/exist');
    expect((await failureOf()).source).toBe('Azure registries');
  });
});

describe("a registry's token", () => {
  test('is renewed after half of its three hours, and serves while that fails', async () => {
    const [first] = await get();
    exchange.fault = { outcome: { status: 503 } };
    clock.advanceMinutes(91);
    for (let pod = 0; pod < 100; pod++) expect((await get())[0]?.password).toBe(first?.password);
    await vi.waitFor(() => expect(exchange.tokens()).toBe(2));
    exchange.fault = undefined;
    claims['jti'] = 2;
    clock.advanceMinutes(1);
    expect((await get())[0]?.password).toBe(first?.password);
    await vi.waitFor(async () => expect((await get())[0]?.password).not.toBe(first?.password));
    expect(exchange.tokens()).toBe(3);
  });

  test.each([
    ['far in the past', { iat: 1_000_000, exp: 1_000_000 + 3 * 60 * 60 }, 1],
    ['before it was issued', { iat: 2_000_000, exp: 1_000_000 }, 5],
    ['never', {}, 1],
  ])('that expires %s makes no storm', async (_, nonsense, most) => {
    claims = nonsense;
    for (let second = 0; second < 120; second++) {
      expect(await get()).toHaveLength(1);
      clock.advanceMinutes(1 / 60);
    }
    expect(exchange.tokens()).toBeLessThanOrEqual(most);
  });
});

describe('the exchange', () => {
  test.each([
    [
      'that refuses',
      jsonReply(401, { errors: [{ code: 'UNAUTHORIZED', message: ACCESS_TOKEN }] }),
      '401 UNAUTHORIZED',
    ],
    ['that fails in other words', { status: 500, body: `<p>${ACCESS_TOKEN}</p>` }, 'it answers 500'],
    ['with an odd code', jsonReply(403, { errors: [{ code: ACCESS_TOKEN }] }), 'it answers 403'],
    ['without a token', jsonReply(200, { access_token: 'x' }), 'its response has no token'],
    ['with a token that no header can hold', jsonReply(200, { refresh_token: 'a\r\nb: c' }), 'has no token'],
    ['with an endless answer', { status: 200, body: 'x'.repeat(100_000) }, 'its response is too large'],
  ])('%s is told, and asked once', async (_, outcome, message) => {
    exchange.fault = { outcome };
    const errors = await Promise.all(Array.from({ length: 20 }, () => failureOf()));
    expect(exchange.tokens()).toBe(1);
    expect(errors[0]).toMatchObject({ source: `Azure ${HOST}`, remedy: expect.stringContaining('AcrPull') });
    expect(errors[0]?.message).toContain(message);
    expect(allOf(errors[0])).not.toContain(ACCESS_TOKEN);
  });

  test("isn't followed to where it redirects", async () => {
    await using elsewhere = await startExchange(authority, HOST, { accessToken: ACCESS_TOKEN, refreshToken });
    for (const status of [301, 302, 307, 308]) {
      const headers = { Location: `https://127.0.0.1:${elsewhere.port}/oauth2/exchange` };
      exchange.fault = { outcome: { status, headers } };
      expect((await failureOf()).message).toBe(`${HOST} gives no token: it answers ${status}`);
      clock.advanceMinutes(1);
    }
    expect(elsewhere.requests.entries).toEqual([]);
  });

  test('over a certificate for another name gets no token to see', async () => {
    await using impostor = await startExchange(authority, 'evil.example', {
      accessToken: ACCESS_TOKEN,
      refreshToken,
    });
    const dispatcher = connectionsTo(impostor.port, authority.caPem);
    source = new CloudCredentials({ dispatcher: () => dispatcher, clock });
    expect((await failureOf()).message).toContain(HOST);
    expect(impostor.requests.entries).toEqual([]);
  });

  test("that doesn't answer delays no caller beyond its deadline", async () => {
    exchange.fault = { outcome: 'hang' };
    await expect(source.credentials(`${HOST}/app`, AbortSignal.timeout(300))).rejects.toThrow(/timeout/);
  });
});

test.each(['evil.com/foo.azurecr.io/app', 'foo.azurecr.io.evil.com/app', 'foo.azurecr.io:5000/app'])(
  '%s is told nothing',
  async (repository) => {
    source = new CloudCredentials({ dispatcher: noConnections, clock });
    expect(await get(repository)).toEqual([]);
    expect(entra.requests.entries).toEqual([]);
  },
);

test('without an Azure identity images are pulled anonymously, after one search for many pods', async () => {
  becomeOnly({ AZURE_TOKEN_CREDENTIALS: 'prod', AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1' });
  source = new CloudCredentials({ dispatcher: noConnections, clock });
  expect(await get()).toEqual([]);
  expect(await get('other.azurecr.io/app')).toEqual([]);
});
