import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { podReview } from '../support/admission.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { FastClock } from '../support/fast-clock.ts';
import { Replica, until } from '../support/replica.ts';
import { callWebhook, health } from '../support/webhook-process.ts';

const DAY_MS = 86_400_000;
/** Ten seconds between two looks at the Secret are 200 ms here, and the minute that a new CA is left to settle 1.2 s. */
const SPEED = 50;
/** API servers hear of a new caBundle by a watch: some of the callers later than it takes a replica to look again. */
const HEARD_AFTER_MS = 900;

const folder = mkdtempSync(join(tmpdir(), 'tagpin-renewal-'));
const kubeconfig = join(folder, 'kubeconfig');
let api: ApiServer;

beforeAll(async () => {
  api = await startSecureApiServer();
  await api.writeKubeconfig(kubeconfig);
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  emptySecret();
  api.put({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'tagpin' },
    webhooks: [{ name: 'enforce.tagpin.dev', clientConfig: { service: { name: 'tagpin' } } }],
  });
});

function emptySecret(): void {
  const metadata = { namespace: 'tagpin-system', name: 'tagpin-certificate' };
  api.put({ apiVersion: 'v1', kind: 'Secret', metadata });
}

const configuration = z.object({
  webhooks: z.array(z.object({ clientConfig: z.object({ caBundle: z.string() }) })),
});

/** What the API server has been told to trust. */
function liveBundle(): string {
  const { webhooks } = configuration.parse(api.find('MutatingWebhookConfiguration', undefined, 'tagpin'));
  return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
}

const pod = {
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'web', image: `app@sha256:${'a'.repeat(64)}` }] },
};

/** Calls to replicas, as the API server makes them, until it is stopped. */
class Load {
  calls = 0;
  readonly failures: string[] = [];
  readonly #callers: Promise<void>[] = [];
  #stopped = false;

  /** Each call on a connection of its own, verified by what the API server trusts now, or trusted a moment ago. */
  start(replica: Replica, heardAfter: number): void {
    const caller = async () => {
      let [bundle, heard] = [liveBundle(), performance.now()];
      while (!this.#stopped) {
        if (performance.now() - heard >= heardAfter) [bundle, heard] = [liveBundle(), performance.now()];
        await this.#call(replica, bundle, new Agent());
      }
    };
    this.#callers.push(caller());
  }

  /** All calls on one connection. */
  startOnOneConnection(replica: Replica): void {
    const caller = async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (!this.#stopped) await this.#call(replica, liveBundle(), agent);
      agent.destroy();
    };
    this.#callers.push(caller());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async #call(replica: Replica, ca: string, agent: Agent): Promise<void> {
    this.calls += 1;
    try {
      const { status, body } = await callWebhook(replica, {
        path: '/pin/enforce?timeout=10s',
        ca,
        servername: 'tagpin.tagpin-system.svc',
        review: podReview(pod),
        agent,
        signal: AbortSignal.timeout(10_000),
      });
      if (status !== 200 || !body.includes('"allowed":true')) this.failures.push(`${status} ${body}`);
    } catch (error) {
      this.failures.push(String(error));
    }
  }
}

test('past a renewal no call fails, each verified by what the API server trusts', async () => {
  // The callers go by the machine's clock: the old certificate is from long ago, the new one from now.
  const clock = new FastClock(Date.now() - 250 * DAY_MS, SPEED);
  await using one = await Replica.start({ kubeconfig, clock });
  await using two = await Replica.start({ kubeconfig, clock });
  const before = await one.expiry();
  expect(await two.expiry()).toBe(before);

  const load = new Load();
  for (const replica of [one, two]) {
    for (const heardAfter of [0, HEARD_AFTER_MS, HEARD_AFTER_MS]) load.start(replica, heardAfter);
    load.startOnOneConnection(replica);
  }
  await delay(500);
  const calls = { before: load.calls, renewed: 0 };
  clock.advance(245 * DAY_MS);
  for (const replica of [one, two]) {
    await until(async () => {
      expect((await health(replica, '/readyz'))?.text).toBe('ok\n');
      return (await replica.expiry()) > before;
    });
  }
  calls.renewed = load.calls;
  await delay(500);
  await load.stop();

  expect(await two.expiry()).toBe(await one.expiry());
  expect(liveBundle().match(/BEGIN/g)).toHaveLength(2);
  expect(load.failures).toEqual([]);
  expect(calls.before).toBeGreaterThan(0);
  expect(load.calls).toBeGreaterThan(calls.renewed);
});

test('an emptied Secret makes no call fail either', async () => {
  const clock = new FastClock(Date.now(), SPEED);
  await using one = await Replica.start({ kubeconfig, clock });
  await using two = await Replica.start({ kubeconfig, clock });
  const load = new Load();
  for (const replica of [one, two]) load.start(replica, 0);
  for (let times = 0; times < 5; times++) {
    await delay(250);
    emptySecret();
  }
  await delay(200);
  await load.stop();
  expect(load.failures).toEqual([]);
  expect(liveBundle().match(/BEGIN/g)).toHaveLength(1);
});

test('an expired certificate makes a replica unready', async () => {
  const clock = new FastClock(Date.now() - 360 * DAY_MS, SPEED);
  await using replica = await Replica.start({ kubeconfig, clock });
  const restore = api.fail({ resource: 'secrets', effect: 'forbidden' });
  clock.advance(366 * DAY_MS);
  expect((await health(replica, '/readyz'))?.text).toMatch(/^the certificate expired at /);
  restore();
  await until(async () => (await health(replica, '/readyz'))?.status === 200);
});
