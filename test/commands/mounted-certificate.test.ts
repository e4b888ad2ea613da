import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { podReview } from '../support/admission.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { type Authority, createAuthority, type Validity } from '../support/authority.ts';
import { FastClock } from '../support/fast-clock.ts';
import type { KeyPair } from '../support/listen.ts';
import { Replica, until } from '../support/replica.ts';
import { callWebhook, health } from '../support/webhook-process.ts';

const NAME = 'tagpin.tagpin-system.svc';
const DAY_MS = 86_400_000;
/** Ten seconds between two looks at the files are 50 ms here. */
const SPEED = 200;
const SEVERAL_LOOKS_MS = 400;

const folder = mkdtempSync(join(tmpdir(), 'tagpin-mounted-'));
const kubeconfig = join(folder, 'kubeconfig');
const mount = join(folder, 'mount');
const settings = { certificate: { certFile: join(mount, 'tls.crt'), keyFile: join(mount, 'tls.key') } };
let api: ApiServer;
let authority: Authority;
let mounted = 0;

beforeAll(async () => {
  api = await startSecureApiServer();
  await api.writeKubeconfig(kubeconfig);
  authority = await createAuthority();
  mkdirSync(mount);
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), join(mount, name));
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => api.requests.clear());

/** As the kubelet does: a folder for each version of the Secret, and a symbolic link that is swapped. */
function put({ cert, key }: KeyPair): void {
  mounted += 1;
  const version = `..${mounted}`;
  mkdirSync(join(mount, version));
  writeFileSync(join(mount, version, 'tls.crt'), cert);
  writeFileSync(join(mount, version, 'tls.key'), key);
  symlinkSync(version, join(mount, '..next'));
  renameSync(join(mount, '..next'), join(mount, '..data'));
}

const goodFor = (days: number): Validity => ({
  notBefore: new Date(Date.now() - 60_000),
  notAfter: new Date(Date.now() + days * DAY_MS),
});
const issue = (days: number, name = NAME) => authority.issue([name], goodFor(days));
const start = (isReady = true) =>
  Replica.start({ kubeconfig, clock: new FastClock(Date.now(), SPEED), settings }, { isReady });
const daysLeft = async (replica: Replica) =>
  Math.round(((await replica.expiry()) * 1000 - Date.now()) / DAY_MS);

async function callSucceeds(replica: Replica): Promise<void> {
  const review = podReview({ metadata: { name: 'web' }, spec: { containers: [] } });
  const { status } = await callWebhook(replica, {
    path: '/pin/audit?timeout=10s',
    ca: authority.caPem,
    servername: NAME,
    review,
  });
  expect(status).toBe(200);
}

test('a mounted certificate is served, and neither the Secret nor the webhook configuration is touched', async () => {
  put(await issue(10));
  await using replica = await start();
  await callSucceeds(replica);
  await delay(SEVERAL_LOOKS_MS);
  expect(await daysLeft(replica)).toBe(10);
  expect(api.requests.of('secrets')).toEqual([]);
  expect(api.requests.of('mutatingwebhookconfigurations', 'patch')).toEqual([]);
});

test('a renewed certificate is served without a restart', async () => {
  put(await issue(10));
  await using replica = await start();
  put(await issue(20));
  await until(async () => (await daysLeft(replica)) === 20);
  await callSucceeds(replica);
});

test.each([
  ['of no certificate', async () => ({ ...(await issue(20)), cert: 'x' }), 'hold certificates in PEM'],
  ['of no key', async () => ({ ...(await issue(20)), key: '' }), 'the file must be there and hold a key'],
  [
    'whose key is of another',
    async () => ({ ...(await issue(20)), key: (await issue(30)).key }),
    "isn't the certificate's",
  ],
  ['for another name', () => issue(20, 'other.svc'), `it isn't for ${NAME}`],
  ['that has expired', () => issue(-0.0001), 'it expired at'],
])('after a pair %s the previous one is still served, and the log says why, once', async (_, wrong, why) => {
  put(await issue(10));
  await using replica = await start();
  put(await wrong());
  await until(async () => replica.log.some((line) => line.includes(why)));
  await delay(SEVERAL_LOOKS_MS);
  await callSucceeds(replica);
  expect((await health(replica, '/readyz'))?.status).toBe(200);
  expect(await daysLeft(replica)).toBe(10);
  expect(replica.log.filter((line) => line.includes(why))).toHaveLength(1);
  expect(replica.log.join()).not.toContain('PRIVATE KEY');

  put(await issue(30));
  await until(async () => (await daysLeft(replica)) === 30);
});

test('a replica with an unusable certificate is not ready until it gets another', async () => {
  put(await issue(20, 'other.svc'));
  await using replica = await start(false);
  expect((await health(replica, '/readyz'))?.text).toBe('waiting for the certificate\n');
  put(await issue(20));
  await until(async () => (await health(replica, '/readyz'))?.status === 200);
});
