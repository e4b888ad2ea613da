import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Fault, type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { createNamespace, type Namespace, podManifest } from '../../support/namespace.ts';
import { havePods, imagesOf, on } from '../../support/rollout.ts';
import { tenantOf } from '../../support/tenant.ts';
import { deployment } from '../../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const spec = { schedulerName: 'none' };

/** The API server's timeout for tagpin, plus a moment for kubectl. */
const TIMEOUT_MS = 10_000;
const RECOVERY_MS = 5_000;
/** After this long, cached digests have expired, and tagpin asks a registry again that was down. */
const FORGOTTEN_MS = 4_000;

/** Puts a proxy before the public registry, under its other name. */
function startProxy(): Promise<FaultProxy> {
  const [host = '', port = ''] = cluster.openRegistry.split(':');
  const { cert, key } = cluster.openKeyPair;
  return startFaultProxy({
    to: { host, port: Number(port) },
    tls: { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') },
    port: Number(cluster.detourRegistry.split(':')[1]),
  });
}

const detoured = (image: string) => image.replace(cluster.openRegistry, cluster.detourRegistry);

let counter = 0;
/** Creates a pod. Returns kubectl's error, and how long it took. */
async function create(namespace: Namespace, image: string) {
  const started = performance.now();
  const { stderr } = await namespace.apply(podManifest({ name: `web-${counter++}`, image, spec }));
  return { refusal: stderr, milliseconds: performance.now() - started };
}

const refusing: [string, Fault, RegExp][] = [
  ['takes connections and says nothing', 'silent', /didn't answer in time/],
  ['takes requests and says nothing', 'hang', /didn't answer in time/],
  ['resets connections', 'reset', /can't be reached/],
  ['answers 429', { status: 429, headers: { 'retry-after': '2' } }, /rate limit is reached/],
  ['answers 503', { status: 503 }, /the registry is in trouble \(503/],
];

describe('while a registry', () => {
  test.each(refusing)(
    '%s, its pods are refused in time, others are unaffected; after recovery the first is pinned within 5 s',
    async (_what, fault, told) => {
      await using proxy = await startProxy();
      await using namespace = await createNamespace(cluster, 'enforce');
      const app = await images.push();
      const other = await images.push();
      await sleep(FORGOTTEN_MS);
      proxy.fault = fault;
      const bad = Promise.all(Array.from({ length: 5 }, () => create(namespace, detoured(app.tagged))));
      const good = await create(namespace, other.tagged);
      expect(good.refusal).toBe('');
      expect(good.milliseconds).toBeLessThan(5_000);
      for (const { refusal, milliseconds } of await bad) {
        expect(refusal).toMatch(told);
        expect(refusal).not.toContain('failed calling webhook');
        expect(milliseconds).toBeLessThan(TIMEOUT_MS + 2_000);
      }
      proxy.fault = undefined;
      const ended = performance.now();
      for (;;) {
        const { refusal } = await create(namespace, detoured(app.tagged));
        if (refusal === '' || performance.now() - ended > 2 * RECOVERY_MS) break;
        await sleep(100);
      }
      expect(performance.now() - ended).toBeLessThan(RECOVERY_MS);
      expect(new Set(await imagesOf(namespace, ''))).toEqual(new Set([other.pinned, detoured(app.pinned)]));
    },
  );

  test('resets every other request, its pods are still pinned', async () => {
    await using proxy = await startProxy();
    await using namespace = await createNamespace(cluster, 'enforce');
    proxy.fault = (number) => (number % 2 === 0 ? 'reset' : undefined);
    for (let time = 0; time < 3; time++) {
      const app = await images.push();
      expect((await create(namespace, detoured(app.tagged))).refusal).toBe('');
    }
  });

  test('hangs, pods of a rollout are recreated at their digest, without a request to it', async () => {
    await using proxy = await startProxy();
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    const options = { replicas: 20, pod: spec };
    await sleep(FORGOTTEN_MS);
    await succeed(namespace.apply(deployment(detoured(app.tagged), options)));
    await havePods(namespace, 20, { phase: 'Pending' });
    proxy.fault = 'hang';
    const asked = proxy.asked.length;
    const started = performance.now();
    await on(namespace, 'delete', 'pods', '--all', '--grace-period=0', '--force');
    await havePods(namespace, 20, { phase: 'Pending' });
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS);
    expect(await imagesOf(namespace)).toEqual([detoured(app.pinned)]);
    expect(proxy.asked.length).toBe(asked);
  });
});

/** The kinds of broken repositories, as a project that proxies a dead upstream has them. */
const broken: [string, Fault][] = [
  ['answer 500', { status: 500 }],
  ['answer 429', { status: 429, headers: { 'retry-after': '30' } }],
  ['hang', 'hang'],
];

describe('while several repositories of one tenant', () => {
  test.each(broken)(
    '%s, another tenant’s pods of the same registry are admitted',
    async (_what, fault) => {
      await using proxy = await startProxy();
      await using namespace = await createNamespace(cluster, 'enforce');
      await using others = await createNamespace(cluster, 'enforce');
      await using tenant = await tenantOf(cluster, namespace);
      await using bystander = await tenantOf(cluster, others);
      proxy.fault = (_number, path) => (path.includes('/dead-upstream/') ? fault : undefined);
      const stop = new AbortController();
      const attackers = Array.from({ length: 6 }, async (_, attacker) => {
        for (let round = 0; !stop.signal.aborted; round++) {
          const image = `${cluster.detourRegistry}/dead-upstream/${attacker}:${round}`;
          await tenant.tryPod(podManifest({ image, spec }));
        }
      });
      await sleep(3_000);
      const messages: string[] = [];
      for (let round = 0; round < 10; round++) {
        const app = await images.push();
        messages.push((await bystander.tryPod(podManifest({ image: detoured(app.tagged), spec }))).message);
      }
      stop.abort();
      await Promise.all(attackers);
      expect(messages).toEqual(messages.map(() => ''));
    },
    60_000,
  );
});

test('a pod of 5,000 invalid images is refused in a short message, and in a line of log', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  await using tenant = await tenantOf(cluster, namespace);
  const pod = podManifest({ image: 'not a reference!', spec });
  const containers = Array.from({ length: 5_000 }, (_, index) => ({
    name: `c${index}`,
    image: 'not a reference!',
  }));
  const { status, message } = await tenant.tryPod({ ...pod, spec: { ...spec, containers } });
  expect([status, message]).toEqual([
    403,
    expect.stringContaining('it has 5000 images, and tagpin takes at most 500'),
  ]);
  expect(message.length).toBeLessThan(4_096);
});
