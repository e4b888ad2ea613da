import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import config from '../../../rolldown.config.ts';
import { jsonReply, startAnswering } from '../../support/answering.ts';
import { createAuthority } from '../../support/authority.ts';
import { CLIENT, startEntra, startExchange, TENANT, unsignedToken } from '../../support/azure.ts';
import { startMetadataServer } from '../../support/google.ts';
import { RequestLog } from '../../support/request-log.ts';

const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/app';
const PUBLIC_ECR = 'public.ecr.aws/nginx/nginx';
const GOOGLE = 'europe-docker.pkg.dev/project/repository/app';
const AZURE = 'example.azurecr.io/app';

const driver = join(import.meta.dirname, '../../support/cloud-driver.ts');
const folder = mkdtempSync(join(tmpdir(), 'tagpin-loading-'));
const cleanup = new AsyncDisposableStack();
afterAll(async () => {
  await cleanup.disposeAsync();
  rmSync(folder, { recursive: true });
});

/** An identity in each of the clouds. */
let environment: Record<string, string>;
beforeAll(async () => {
  const authority = await createAuthority();
  const exchanged = { accessToken: unsignedToken({}), refreshToken: () => unsignedToken({}) };
  const entra = cleanup.use(await startEntra(authority, 'assertion', exchanged.accessToken));
  const exchange = cleanup.use(await startExchange(authority, 'example.azurecr.io', exchanged));
  const metadata = cleanup.use(await startMetadataServer());
  const authorizationToken = Buffer.from('AWS:token').toString('base64');
  const aws = cleanup.use(
    await startAnswering({
      log: new RequestLog(),
      answer: ({ headers }) => {
        const isPublic = String(headers['x-amz-target']).includes('Spencer');
        const data = { authorizationToken };
        return jsonReply(200, { authorizationData: isPublic ? data : [data] });
      },
    }),
  );
  const [ca, token] = [join(folder, 'ca.crt'), join(folder, 'token')];
  writeFileSync(ca, authority.caPem);
  writeFileSync(token, 'assertion');
  environment = {
    HOME: folder,
    NODE_EXTRA_CA_CERTS: ca,
    EXCHANGE_PORT: String(exchange.port),
    AWS_ENDPOINT_URL: aws.url,
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
    GCE_METADATA_HOST: metadata.host,
    AZURE_AUTHORITY_HOST: entra.url,
    AZURE_TENANT_ID: TENANT,
    AZURE_CLIENT_ID: CLIENT,
    AZURE_FEDERATED_TOKEN_FILE: token,
  };
});

const answerShape = z.object({
  repository: z.string(),
  sources: z.array(z.string()),
  loaded: z.array(z.string()),
});

/** What the driver says of each repository, in a process of its own with nothing but identities around it. */
async function drive(program: string, ...repositories: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...repositories], {
    env: environment,
  });
  return stdout
    .trim()
    .split('\n')
    .map((line) => answerShape.parse(JSON.parse(line)));
}

/** The clouds whose SDK is among the files. */
const sdksIn = (files: readonly string[]) =>
  [
    ['aws', /node_modules\/@(aws-sdk|smithy)\//],
    ['aws public', /node_modules\/@aws-sdk\/client-ecr-public\//],
    ['google', /node_modules\/(google-auth-library|gaxios|gcp-metadata)\//],
    ['azure', /node_modules\/@azure\//],
  ]
    .filter(([, pattern]) => files.some((file) => new RegExp(pattern ?? '').test(file)))
    .map(([name]) => name);

describe("a cloud's SDK", () => {
  test('is not loaded for images of no cloud', async () => {
    const answers = await drive(driver, 'docker.io/library/nginx', 'registry.k8s.io/pause', 'quay.io/a/b');
    expect(answers.map(({ sources, loaded }) => [sources, sdksIn(loaded)])).toEqual([
      [[], []],
      [[], []],
      [[], []],
    ]);
  });

  test('is loaded for an image of that cloud, and no other is', async () => {
    const [ecr] = await drive(driver, ECR);
    const [google] = await drive(driver, GOOGLE);
    const [azure] = await drive(driver, AZURE);
    expect([ecr, google, azure].map((answer) => sdksIn(answer?.loaded ?? []))).toEqual([
      ['aws'],
      ['google'],
      ['azure'],
    ]);
  });
});

test('in the bundle they are chunks that are loaded when an image needs them, and work', async () => {
  await using bundle = await rolldown({ ...config, input: driver });
  await bundle.write({ ...config.output, dir: join(folder, 'dist') });
  writeFileSync(join(folder, 'dist/package.json'), '{"type":"module"}');

  const answers = await drive(join(folder, 'dist/tagpin.js'), 'quay.io/a/b', ECR, PUBLIC_ECR, GOOGLE, AZURE);
  expect(answers.map(({ sources }) => sources)).toEqual([
    [],
    ["tagpin's AWS identity (ECR eu-west-1)"],
    ["tagpin's AWS identity (ECR Public)"],
    ["tagpin's Google identity"],
    ["tagpin's Azure identity (example.azurecr.io)"],
  ]);
  const counts = answers.map(({ loaded }) => loaded.length);
  expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
});
