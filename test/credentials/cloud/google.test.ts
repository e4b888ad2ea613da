import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { gcpMetadata } from 'google-auth-library';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CloudCredentials } from '../../../src/credentials/cloud/cloud-credentials.ts';
import { CredentialError, type CredentialSource } from '../../../src/credentials/credential.ts';
import { clientFor, patient, tryResolve } from '../../registry/clients.ts';
import { jsonReply, startAnswering } from '../../support/answering.ts';
import { noConnections } from '../../support/connections.ts';
import { becomeOnly } from '../../support/environment.ts';
import { type MetadataServer, startMetadataServer } from '../../support/google.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { image } from '../../support/registry/image.ts';
import { startRegistry } from '../../support/registry/registry.ts';
import { RequestLog } from '../../support/request-log.ts';

const HOST = 'europe-docker.pkg.dev';
const IMAGE = `${HOST}/project/repository/app`;

let clock: ManualClock;
let source: CredentialSource;
let server: MetadataServer;
beforeEach(async () => {
  clock = new ManualClock();
  source = new CloudCredentials({ dispatcher: noConnections, clock });
  server = await startMetadataServer();
  becomeOnly({ GCE_METADATA_HOST: server.host, METADATA_SERVER_DETECTION: 'ping-only' });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  gcpMetadata.resetIsAvailableCache();
  await server.close();
});

const folder = mkdtempSync(join(tmpdir(), 'tagpin-google-'));
afterAll(() => rmSync(folder, { recursive: true }));

const get = (repository = IMAGE) => source.credentials(repository, patient());

async function failureOf(repository?: string): Promise<CredentialError> {
  const error = await get(repository).catch((thrown: unknown) => thrown);
  if (error instanceof CredentialError) return error;
  throw new Error(`no CredentialError: ${inspect(error)}`);
}

describe('the metadata server', () => {
  test('gives a token that pulls a private image', async () => {
    await using registry = await startRegistry({
      auth: { scheme: 'bearer' },
      users: [{ name: 'oauth2accesstoken', password: server.token.value, pull: ['*'] }],
    });
    const digest = registry.push('project/repository/app', '1', image());
    const [credential] = await get();
    expect(credential?.source).toBe("tagpin's Google identity");
    const host = `127.0.0.1:${registry.port}`;
    const resolved = await tryResolve(clientFor(host), `${host}/project/repository/app:1`, credential);
    expect(resolved).toMatchObject({ digest });
  });

  test('is asked once for all registries, and for no more scopes than the node or the workload has', async () => {
    const hosts = ['gcr.io', 'eu.gcr.io', HOST, 'us-docker.pkg.dev', 'gcr.io:443'];
    await Promise.all(Array.from({ length: 20 }, () => hosts.map((host) => get(`${host}/p/a`))).flat());
    expect(server.tokens()).toBe(1);
    const asked = server.requests.entries.filter(({ path }) => path.endsWith('/token'));
    expect(asked.map(({ query }) => query.has('scopes'))).toEqual([false]);
  });

  test('is asked again after half an hour, while the token serves', async () => {
    await get();
    server.token = { value: 'ya29.the-next', expiresIn: 3600 };
    clock.advanceMinutes(31);
    expect((await get())[0]?.password).toBe('ya29.of-the-metadata-server');
    await vi.waitFor(async () => expect((await get())[0]?.password).toBe('ya29.the-next'));
    expect(server.tokens()).toBe(2);
  });

  test('may fail after that, and the token goes on serving', async () => {
    await get();
    server.fault = { outcome: { status: 500 } };
    clock.advanceMinutes(31);
    for (let pod = 0; pod < 100; pod++) {
      expect((await get())[0]?.password).toBe('ya29.of-the-metadata-server');
    }
    await delay(100);
    expect(server.tokens()).toBeGreaterThan(1);
    clock.advanceMinutes(60);
    expect((await failureOf()).source).toBe('Google registries');
  });

  test('may be gone altogether after that, and the token goes on serving', async () => {
    await get();
    becomeOnly({ GCE_METADATA_HOST: '127.0.0.1:1' });
    gcpMetadata.resetIsAvailableCache();
    for (let minute = 31; minute < 59; minute += 9) {
      clock.advanceMinutes(minute === 31 ? 31 : 9);
      expect(await get()).toHaveLength(1);
      await delay(100);
    }
    expect(await get()).toHaveLength(1);
  });

  test('that gives tokens which expire at once is asked twice a minute at most', async () => {
    server.token = { value: 'ya29.short', expiresIn: -5 };
    for (let second = 0; second < 120; second++) {
      expect(await get()).toHaveLength(1);
      clock.advanceMinutes(1 / 60);
    }
    expect(server.tokens()).toBeLessThanOrEqual(5);
  });

  test('that refuses is reported with its remedy, without its own text', async () => {
    const secret = 'ya29.c.b0Aaekm1K4hVxQ2Lw8sYd1mNp2Tq9Rz3';
    server.fault = { outcome: { status: 403, headers: { 'Metadata-Flavor': 'Google' }, body: secret } };
    const errors = await Promise.all(Array.from({ length: 100 }, () => failureOf()));
    expect(server.tokens()).toBe(1);
    expect(errors[0]?.message).toMatch(/^Google gives no access token: .*Forbidden/);
    expect(errors[0]?.remedy).toContain('workload identity');
    expect(inspect(errors[0], { depth: 9, showHidden: true })).not.toContain(secret);
  });
});

test('a workload identity federated from another cloud gives a token', async () => {
  const log = new RequestLog();
  await using sts = await startAnswering({
    log,
    answer: () => jsonReply(200, { access_token: 'ya29.federated', expires_in: 3600, token_type: 'Bearer' }),
  });
  const configuration = join(folder, 'federated.json');
  const subject = join(folder, 'token');
  writeFileSync(subject, 'a-token-of-the-service-account');
  writeFileSync(
    configuration,
    JSON.stringify({
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${sts.url}/v1/token`,
      credential_source: { file: subject },
    }),
  );
  becomeOnly({ GOOGLE_APPLICATION_CREDENTIALS: configuration });
  expect((await get())[0]).toMatchObject({ username: 'oauth2accesstoken', password: 'ya29.federated' });
  expect(log.entries).toHaveLength(1);
});

test('a missing credential file is reported', async () => {
  becomeOnly({ GOOGLE_APPLICATION_CREDENTIALS: '/does/not/exist.json' });
  expect((await failureOf()).message).toContain('GOOGLE_APPLICATION_CREDENTIALS');
});

describe('without an identity', () => {
  // On Google's own machines there always is one.
  const onGoogle = gcpMetadata.getGCPResidency();

  test.skipIf(onGoogle)('images are pulled anonymously', async () => {
    becomeOnly({ METADATA_SERVER_DETECTION: 'none' });
    expect(await get('gcr.io/distroless/static')).toEqual([]);
  });

  test.skipIf(onGoogle)('a metadata server that comes up late is found within a minute', async () => {
    const { host } = server;
    becomeOnly({ GCE_METADATA_HOST: '127.0.0.1:1' });
    expect(await get()).toEqual([]);
    becomeOnly({ GCE_METADATA_HOST: host });
    clock.advanceMinutes(0.6);
    expect(await get()).toEqual([]);
    await vi.waitFor(async () => expect(await get()).toHaveLength(1));
  });
});
