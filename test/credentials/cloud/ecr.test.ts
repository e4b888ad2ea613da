import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ECRClient } from '@aws-sdk/client-ecr';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { CloudCredentials } from '../../../src/credentials/cloud/cloud-credentials.ts';
import { cloudRegistryOf } from '../../../src/credentials/cloud/cloud-registry.ts';
import { apiOf } from '../../../src/credentials/cloud/ecr.ts';
import { CredentialError, type CredentialSource } from '../../../src/credentials/credential.ts';
import { clientFor, patient, tryResolve } from '../../registry/clients.ts';
import { jsonReply, startAnswering } from '../../support/answering.ts';
import { type AwsApi, startAwsApi } from '../../support/aws.ts';
import { noConnections } from '../../support/connections.ts';
import { becomeOnly } from '../../support/environment.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { startMoto } from '../../support/moto.ts';
import { image } from '../../support/registry/image.ts';
import { startRegistry } from '../../support/registry/registry.ts';
import { RequestLog } from '../../support/request-log.ts';

const HOST = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
/** What moto gives to account 123456789012, the one that everybody is of there. */
const PASSWORD = '123456789012-auth-token';

let clock: ManualClock;
let source: CredentialSource;
beforeEach(() => {
  clock = new ManualClock();
  source = new CloudCredentials({ dispatcher: noConnections, clock });
});
afterEach(() => vi.unstubAllEnvs());

const get = (repository = `${HOST}/team/app`) => source.credentials(repository, patient());

async function failureOf(repository?: string): Promise<CredentialError> {
  const error = await get(repository).catch((thrown: unknown) => thrown);
  if (error instanceof CredentialError) return error;
  throw new Error(`no CredentialError: ${inspect(error)}`);
}

const moto = await startMoto();
afterAll(async () => {
  if (!('missing' in moto)) await moto[Symbol.asyncDispose]();
});

describe.skipIf('missing' in moto)(
  `ECR's API${'missing' in moto ? ` (skipped: ${moto.missing})` : ''}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'tagpin-ecr-'));
    let api: AwsApi;
    beforeAll(() => writeFileSync(join(folder, 'token'), 'a-token-of-the-service-account'));
    afterAll(() => rmSync(folder, { recursive: true }));
    beforeEach(async () => {
      if ('missing' in moto) return;
      api = await startAwsApi(moto.url);
      becomeOnly({
        AWS_ENDPOINT_URL: api.url,
        AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'example',
      });
    });
    afterEach(() => api.close());

    test('gives a token that pulls a private image', async () => {
      await using registry = await startRegistry({
        auth: { scheme: 'basic' },
        users: [{ name: 'AWS', password: PASSWORD, pull: ['*'] }],
      });
      const digest = registry.push('team/app', '1', image());
      const [credential] = await get();
      expect(credential?.source).toBe("tagpin's AWS identity (ECR eu-west-1)");
      const host = `${HOST}:${registry.port}`;
      expect(await tryResolve(clientFor(host), `${host}/team/app:1`, credential)).toMatchObject({ digest });
      expect(await tryResolve(clientFor(host), `${host}/team/app:1`)).toMatchObject({ status: 401 });
    });

    test('is asked once for all accounts of a region, and once for each region', async () => {
      const hosts = [
        HOST,
        `${HOST}:443`,
        '210987654321.dkr.ecr.eu-west-1.amazonaws.com',
        '123456789012.dkr.ecr.us-east-2.amazonaws.com',
      ];
      await Promise.all(Array.from({ length: 25 }, () => hosts.map((host) => get(`${host}/app`))).flat());
      expect(api.count('GetAuthorizationToken')).toBe(2);
    });

    test('may give tokens that expired in 2015, as moto does, without being asked for each image', async () => {
      for (let second = 0; second < 120; second++) {
        expect(await get()).toHaveLength(1);
        clock.advanceMinutes(1 / 60);
      }
      expect(api.count('GetAuthorizationToken')).toBeLessThanOrEqual(5);
    });

    test('is asked as the role of the ServiceAccount (IRSA)', async () => {
      becomeOnly({
        AWS_ENDPOINT_URL: api.url,
        AWS_REGION: 'eu-west-1',
        AWS_ROLE_ARN: 'arn:aws:iam::210987654321:role/tagpin',
        AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
      });
      const [credential] = await get();
      expect(api.count('AssumeRoleWithWebIdentity')).toBe(1);
      expect(credential).toMatchObject({ username: 'AWS', password: '210987654321-auth-token' });
    });

    test('that fails is reported with the permission to grant, and called once for a hundred pods', async () => {
      const denied =
        'User: arn:aws:sts::123456789012:assumed-role/node/i-1 is not authorized to perform: ecr:GetAuthorizationToken on resource: *';
      api.fault = { outcome: jsonReply(400, { __type: 'AccessDeniedException', message: denied }) };
      const errors = await Promise.all(Array.from({ length: 100 }, () => failureOf()));
      expect(api.requests.count()).toBe(1);
      expect(errors[0]).toMatchObject({
        source: 'ECR eu-west-1',
        message: `ECR eu-west-1 gives no token: AccessDeniedException: ${denied}`,
        remedy: expect.stringContaining('ecr:GetAuthorizationToken'),
      });
      api.fault = undefined;
      clock.advanceMinutes(1);
      expect(await get()).toHaveLength(1);
    });

    test("that quotes a secret in its error doesn't have it printed", async () => {
      const secret = 'IQoJb3JpZ2luX2VjEJr9fQ4Zk3xVbTq0Lw8sYd1mNp2';
      api.fault = {
        outcome: jsonReply(403, {
          __type: 'ExpiredTokenException',
          message: `the token ${secret} is expired\nsee ${secret}`,
        }),
      };
      const error = await failureOf();
      expect(error.message).toContain('ExpiredTokenException');
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret);
      expect(error.message).not.toContain('\n');
    });

    test('that answers with invalid data gives no credential', async () => {
      const nonsense = {
        authorizationData: [{ authorizationToken: Buffer.from('no colon').toString('base64') }],
      };
      api.fault = { outcome: jsonReply(200, nonsense) };
      expect((await failureOf()).message).toBe('ECR eu-west-1 answers with an invalid token');
    });

    test("that doesn't answer delays no caller beyond its deadline", async () => {
      api.fault = { outcome: 'hang' };
      const started = performance.now();
      await expect(source.credentials(`${HOST}/app`, AbortSignal.timeout(200))).rejects.toThrow(/timeout/);
      expect(performance.now() - started).toBeLessThan(2_000);
    });
  },
);

test('an unreachable API is reported with the connection to allow', async () => {
  becomeOnly({
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
  });
  expect(await failureOf()).toMatchObject({
    message: expect.stringContaining('ECONNREFUSED'),
    remedy: expect.stringContaining('network policy'),
  });
});

test('without an AWS identity an image of ECR says so, after one search for many pods', async () => {
  becomeOnly({ AWS_EC2_METADATA_DISABLED: 'true' });
  const error = await failureOf();
  expect(error).toMatchObject({
    message: 'tagpin has no AWS identity to get a token for ECR eu-west-1 as',
    remedy: expect.stringContaining('IRSA'),
  });
  expect(await failureOf()).toBe(error);
});

describe('the public registry', () => {
  async function startPublicApi(
    reply = jsonReply(200, {
      authorizationData: {
        authorizationToken: Buffer.from('AWS:public-token').toString('base64'),
        expiresAt: Date.now() / 1_000 + 12 * 60 * 60,
      },
    }),
  ) {
    const log = new RequestLog();
    const listener = await startAnswering({ log, answer: () => reply });
    becomeOnly({
      AWS_ENDPOINT_URL_ECR_PUBLIC: listener.url,
      AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'example',
    });
    return { ...listener, log };
  }

  test('has its API in us-east-1, and is one for both of its names', async () => {
    await using api = await startPublicApi();
    const [credential] = await get('public.ecr.aws/nginx/nginx');
    await get('ecr-public.aws.com/nginx/nginx');
    expect(credential).toMatchObject({ username: 'AWS', password: 'public-token' });
    expect(api.log.entries).toHaveLength(1);
    expect(api.log.entries[0]?.headers.authorization).toContain('/us-east-1/ecr-public/');
  });

  test('is used anonymously where its API refuses', async () => {
    await using api = await startPublicApi(
      jsonReply(400, { __type: 'AccessDeniedException', message: 'no' }),
    );
    expect(await get('public.ecr.aws/nginx/nginx')).toEqual([]);
    expect(await get('public.ecr.aws/nginx/nginx')).toEqual([]);
    expect(api.log.entries).toHaveLength(1);
  });

  test('is used anonymously without an identity', async () => {
    becomeOnly({ AWS_EC2_METADATA_DISABLED: 'true' });
    expect(await get('public.ecr.aws/nginx/nginx')).toEqual([]);
  });
});

test.each([
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'https://api.ecr.eu-west-1.amazonaws.com/'],
  [
    '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
    'https://api.ecr-fips.us-gov-west-1.amazonaws.com/',
  ],
  ['123456789012.dkr-ecr.us-east-1.on.aws', 'https://ecr.us-east-1.api.aws/'],
  ['123456789012.dkr-ecr-fips.us-gov-east-1.on.aws', 'https://ecr-fips.us-gov-east-1.api.aws/'],
  ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'https://api.ecr.cn-north-1.amazonaws.com.cn/'],
  ['123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu', 'https://api.ecr.eusc-de-east-1.amazonaws.eu/'],
  ['123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov', 'https://api.ecr.us-iso-east-1.c2s.ic.gov/'],
  ['123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov', 'https://api.ecr.us-isob-east-1.sc2s.sgov.gov/'],
  ['123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk', 'https://api.ecr.eu-isoe-west-1.cloud.adc-e.uk/'],
  ['123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov', 'https://api.ecr.us-isof-south-1.csp.hci.ic.gov/'],
])('%s has its API at %s, as the SDK says', (host, expected) => {
  const found = cloudRegistryOf(host);
  if (found?.cloud !== 'ecr' || found.registry.kind !== 'private') throw new Error('not private');
  const { region, useFipsEndpoint, useDualstackEndpoint } = apiOf(found.registry);
  const { url } = new ECRClient({ region }).config.endpointProvider({
    Region: region,
    UseFIPS: useFipsEndpoint,
    UseDualStack: useDualstackEndpoint,
  });
  expect(url.href).toBe(expected);
});
