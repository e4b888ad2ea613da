import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createCertificate } from '../../../src/certificate/certificate.ts';
import { readCluster } from '../../support/cluster.ts';
import { run, succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { createNamespace, type Namespace, podManifest } from '../../support/namespace.ts';
import { servedCertificate } from '../../support/served-certificate.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { until } from '../../support/until.ts';

const DAY_MS = 86_400_000;
const cluster = readCluster();
const images = new Images(cluster);
const kubectl = (...args: string[]) =>
  succeed(
    run([cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, '-n', 'tagpin-system', ...args]),
  );
const read = async <Value>(schema: z.ZodType<Value>, ...args: string[]): Promise<Value> =>
  schema.parse(JSON.parse(await kubectl('get', '--output=json', ...args)));

const secretSchema = z.object({ data: z.record(z.string(), z.string()) });
const configurationSchema = z.object({
  webhooks: z.array(z.object({ clientConfig: z.object({ caBundle: z.string().default('') }) })),
});
const podsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ deletionTimestamp: z.string().optional() }),
      status: z.object({ podIP: z.string().optional() }),
    }),
  ),
});

const encode = (text: string) => Buffer.from(text).toString('base64');
const decode = (base64 = '') => Buffer.from(base64, 'base64').toString();

/** The CAs that each webhook's caBundle trusts. */
async function bundles(): Promise<string[]> {
  const { webhooks } = await read(configurationSchema, 'mutatingwebhookconfiguration', 'tagpin');
  return webhooks.map(({ clientConfig }) => decode(clientConfig.caBundle));
}

/** Makes a TLS handshake with both replicas as the API server does, with the configured caBundle. */
async function served() {
  const [[bundle = ''], { items }] = await Promise.all([
    bundles(),
    read(podsSchema, 'pods', '--selector=app.kubernetes.io/name=tagpin'),
  ]);
  // A replica that the tests before have replaced may still be ending: the API server doesn't call it.
  const addresses = items.flatMap(({ metadata, status }) =>
    metadata.deletionTimestamp === undefined && status.podIP !== undefined ? [status.podIP] : [],
  );
  return Promise.all(addresses.map((address) => servedCertificate(address, bundle)));
}

/** Repeats handshakes until stopped; returns their number and errors. */
function again(task: (count: number) => Promise<unknown>) {
  const failures: string[] = [];
  let count = 0;
  let isStopped = false;
  const ended = (async () => {
    while (!isStopped) {
      await task(count++).catch((error: unknown) => failures.push(String(error)));
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await ended;
      return { count, failures };
    },
  };
}

const createPods = (namespace: Namespace, image: string) => (batch: number) =>
  succeed(
    namespace.kubectl(
      ['create', '--filename', '-'],
      Array.from({ length: 5 }, (_, index) =>
        JSON.stringify(
          podManifest({ name: `web-${batch}-${index}`, image, spec: { schedulerName: 'none' } }),
        ),
      ).join('\n'),
    ),
  );

test('a certificate that is about to expire is renewed while pods are created, and no call fails', async () => {
  await tagpinOf(cluster).recovered();
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  const pods = again(createPods(namespace, app.tagged));
  const handshakes = again(async () => {
    await served();
    await sleep(200);
  });
  await sleep(3_000);

  const { data } = await read(secretSchema, 'secret', 'tagpin-certificate');
  const aged = await createCertificate(['tagpin.tagpin-system.svc'], Date.now() - 300 * DAY_MS);
  const replaced = {
    'ca.crt': encode(`${decode(data['ca.crt'])}${aged.ca}\n`),
    'tls.crt': encode(aged.cert),
    'tls.key': encode(aged.key),
  };
  const started = performance.now();
  await kubectl('patch', 'secret', 'tagpin-certificate', `--patch=${JSON.stringify({ data: replaced })}`);
  const inTurn: string[] = [];
  await until(
    'both replicas to serve a renewed certificate',
    async () => {
      const certificates = await served().catch(() => []);
      const expiries = certificates.map(({ validToDate }) => validToDate.getTime());
      for (const certificate of certificates) {
        const serial = certificate.serialNumber;
        if (!inTurn.includes(serial)) inTurn.push(serial);
      }
      // the first, the one put there by the test, and its replacement
      return inTurn.length === 3 && Math.min(...expiries) > Date.now() + 360 * DAY_MS ? true : undefined;
    },
    { timeout: 150_000, seen: () => inTurn.join(' ') },
  );
  const took = Math.round((performance.now() - started) / 1000);
  await sleep(5_000);

  const created = await pods.stop();
  const shaken = await handshakes.stop();
  console.log(
    `renewed in ${took} s; ${created.count * 5} pods created, ${created.failures.length} batches failed; ` +
      `${shaken.count * 2} handshakes, ${shaken.failures.length} failed`,
  );
  expect(created.failures).toEqual([]);
  expect(shaken.failures).toEqual([]);
  const all = await namespace.pods();
  expect(all).toHaveLength(created.count * 5);
  expect(new Set(all.map(({ spec }) => spec.containers[0]?.image))).toEqual(new Set([app.pinned]));
  expect(new Set(await bundles()).size).toBe(1);
}, 240_000);

test('a wiped caBundle is restored, and pods are pinned again', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  const before = await bundles();
  const wipe = before.map((_, index) => ({ op: 'remove', path: `/webhooks/${index}/clientConfig/caBundle` }));
  await kubectl(
    'patch',
    'mutatingwebhookconfiguration',
    'tagpin',
    '--type=json',
    `--patch=${JSON.stringify(wipe)}`,
  );
  await until('the caBundle', async () => ((await bundles()).includes('') ? undefined : true), {
    timeout: 20_000,
  });
  expect(await bundles()).toEqual(before);
  await sleep(1_000);
  await succeed(namespace.apply(podManifest({ image: app.tagged, spec: { schedulerName: 'none' } })));
  expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
});
