import { Agent } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Flooded, flood, TIMEOUT_MS } from '../../bench/stage/flood.ts';
import { MARK, numbered } from '../../bench/stage/load.ts';
import { NAMESPACE } from '../../bench/stage/reviews.ts';
import { type Stage, startStage, type Tagpin } from '../../bench/stage/stage.ts';
import { CONTAINER_HEAP } from '../../bench/stage/tagpin.ts';
import { podReview } from '../support/admission.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import type { Registry } from '../support/registry/registry.ts';
import { callWebhook } from '../support/webhook-process.ts';

/** Before this much of what the API server waits is left, it has its answer. */
const WAY_BACK_MS = 200;
/** After the end of a fault, the first pod is pinned within this. */
const RECOVERY_MS = 5_000;
const REPOSITORIES = 4_000;

const response = z.object({
  response: z.object({ allowed: z.boolean(), status: z.object({ message: z.string() }).optional() }),
});

let registry: Registry;
let stage: Stage;
let webhook: Tagpin;
/** As busy API servers do, one connection for each that is under way, kept. */
const agent = new Agent({ keepAlive: true });

beforeAll(async () => {
  stage = await startStage();
  registry = stage.registry;
  stage.push(REPOSITORIES);
  webhook = await stage.tagpin({ fromSource: true, nodeOptions: [CONTAINER_HEAP] });
});
afterAll(async () => {
  agent.destroy();
  await stage[Symbol.asyncDispose]();
});

interface Created {
  readonly allowed: boolean;
  readonly message: string;
  readonly milliseconds: number;
}

/** Creates a pod of an image; with metadata, one of a revision. */
async function create(name: string, metadata: object = { name: 'web' }): Promise<Created> {
  const pod = { metadata: { ...metadata }, spec: { containers: [{ name: 'web', image: name }] } };
  const started = performance.now();
  const review = podReview(pod, { namespace: NAMESPACE });
  const { status, body } = await callWebhook(webhook, { ...webhook, review, agent });
  const milliseconds = performance.now() - started;
  expect(status).toBe(200);
  const { allowed, status: refusal } = response.parse(JSON.parse(body)).response;
  return { allowed, message: refusal?.message ?? '', milliseconds };
}

let next = 0;
/** An image that nobody has asked for yet. */
const anotherImage = (host: string) => `${host}/shop/web-${numbered(next++)}:1.27`;

type Faults = FaultProxy['fault'];
const overloaded = '{"errors":[{"code":"TOOMANYREQUESTS"}]}';
const everyOther = (fault: Fault) => (number: number) => (number % 2 === 0 ? fault : undefined);

/** What registries do on their worst days, and what the person who sent a pod is told of it. */
const refusing: [string, Faults, RegExp][] = [
  ['takes connections and says nothing', 'silent', /didn't answer in time/],
  ['takes requests and says nothing', 'hang', /didn't answer in time|too many requests are waiting/],
  ['stops within the head of its answer', 'half a head', /didn't answer in time|too many/],
  ['stops within the body of its answer', 'half a body', /didn't answer in time|too many/],
  ['sends a byte of the body at a time', 'dripping body', /didn't answer in time|too many/],
  ['answers after longer than anybody waits', { delayMs: 9_000 }, /didn't answer in time|too many/],
  ['resets connections', 'reset', /can't be reached/],
  ['answers 429', { status: 429, body: overloaded }, /rate limit is reached \(429/],
  [
    'answers 429 and says when to come again',
    { status: 429, headers: { 'retry-after': '2' }, body: overloaded },
    /rate limit is reached \(429/,
  ],
  ['answers 500', { status: 500 }, /in trouble \(500/],
  ['answers 502 with a page', { status: 502, body: '<html>bad gateway</html>' }, /in trouble \(502/],
  ['answers 503', { status: 503 }, /in trouble \(503/],
];

describe('while a registry', () => {
  test.concurrent.each(refusing)(
    '%s, each of its pods is refused in time and told why; the first after that is pinned within 5 s',
    async (_what, fault, told) => {
      await using proxy = await startFaultProxy({ to: { port: registry.port } });
      proxy.fault = fault;
      const burst = Array.from({ length: 20 }, async (_, index) => {
        await delay(index * 50);
        return await create(anotherImage(proxy.host));
      });
      for (const { allowed, message, milliseconds } of await Promise.all(burst)) {
        expect(allowed).toBe(false);
        expect(message).toMatch(told);
        expect(milliseconds).toBeLessThan(TIMEOUT_MS - WAY_BACK_MS);
      }
      proxy.fault = undefined;
      expect(await untilPinned(proxy.host)).toBeLessThan(RECOVERY_MS);
    },
    40_000,
  );

  test.concurrent.each<[string, Faults]>([
    ['takes a second for each answer', { delayMs: 1_000 }],
    ['resets every other request', everyOther('reset')],
    ['answers every other request 503', everyOther({ status: 503 })],
    ['answers every other request 429', everyOther({ status: 429, headers: { 'retry-after': '1' } })],
  ])('%s, its pods are still pinned', async (_what, fault) => {
    await using proxy = await startFaultProxy({ to: { port: registry.port } });
    proxy.fault = fault;
    for (let time = 0; time < 5; time++) {
      const { allowed, message, milliseconds } = await create(anotherImage(proxy.host));
      expect(message).toBe('');
      expect(allowed).toBe(true);
      expect(milliseconds).toBeLessThan(TIMEOUT_MS - WAY_BACK_MS);
    }
  });
});

/** Milliseconds until a pod is pinned, sent again and again as a controller does. */
async function untilPinned(host: string): Promise<number> {
  const started = performance.now();
  for (;;) {
    const { allowed } = await create(anotherImage(host));
    const milliseconds = performance.now() - started;
    if (allowed || milliseconds > 2 * RECOVERY_MS) return milliseconds;
    await delay(100);
  }
}

interface Times {
  readonly count: number;
  readonly median: number;
  /** All but a tenth took no longer. */
  readonly most: number;
  readonly slowest: number;
}

/** The times of creates, one after another, until it is enough. Each of them has to succeed. */
async function timesOf(
  createOne: () => Promise<Created>,
  enough: (count: number) => boolean,
): Promise<Times> {
  const times: number[] = [];
  while (!enough(times.length)) {
    const { message, milliseconds } = await createOne();
    expect(message).toBe('');
    times.push(milliseconds);
    await delay(20);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => Math.round(times[Math.floor(times.length * part)] ?? 0);
  return { count: times.length, median: at(0.5), most: at(0.9), slowest: Math.round(times.at(-1) ?? 0) };
}

describe('while a registry says nothing and 600 reviews wait for it', () => {
  const pods = 600;
  let proxy: FaultProxy;
  let waiting: Flooded;
  let [otherBefore, other, storedBefore, stored]: Times[] = [];

  beforeAll(async () => {
    proxy = await startFaultProxy({ to: { port: registry.port } });
    const pinned = `${proxy.host}/stored:1`;
    const metadata = ofRevision({ [pinned]: `sha256:${'a'.repeat(64)}` });
    const createOther = () => create(anotherImage(registry.host));
    const createStored = () => create(pinned, metadata);
    const fifty = (count: number) => count === 50;
    [otherBefore, storedBefore] = await Promise.all([
      timesOf(createOther, fifty),
      timesOf(createStored, fifty),
    ]);

    proxy.fault = 'hang';
    let over = false;
    const reference = `${proxy.host}/shop/web-${MARK}:1.27`;
    const flooding = flood(webhook, { pods, atOnce: pods, images: pods, reference }).finally(() => {
      over = true;
    });
    [waiting, other, stored] = await Promise.all([
      flooding,
      timesOf(createOther, () => over),
      timesOf(createStored, () => over),
    ]);
    console.log({ otherBefore, other, storedBefore, stored, slowestWaiting: Math.round(waiting.slowest) });
    return () => proxy[Symbol.asyncDispose]();
  }, 60_000);

  test('all of them are answered in time', () => {
    expect(waiting).toMatchObject({ allowed: 0, refused: 600, failed: 0 });
    expect(waiting.slowest).toBeLessThan(TIMEOUT_MS - WAY_BACK_MS);
  });

  test('pods of another registry are pinned as fast as before', () => expectAsFast(other, otherBefore));

  test('pods of it with stored pins are pinned as fast as before', () => expectAsFast(stored, storedBefore));

  test('and without a request to it for those', () => {
    expect(proxy.asked.length).toBeGreaterThan(0);
    expect(proxy.asked.filter((path) => path.includes('stored'))).toEqual([]);
  });

  function expectAsFast(times?: Times, before?: Times): void {
    expect(times?.count).toBeGreaterThan(50);
    expect(times?.median).toBeLessThan(3 * (before?.median ?? 0) + 50);
    expect(times?.most).toBeLessThan(500);
  }
});

/** Stores pins in a ReplicaSet. Returns the metadata of its pods. */
function ofRevision(pins: object) {
  const metadata = {
    namespace: NAMESPACE,
    name: 'stored',
    uid: 'uid-stored',
    labels: { 'pod-template-hash': 'abc' },
    annotations: { 'pins.tagpin.dev/abc.1': JSON.stringify(pins) },
  };
  stage.api.put({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata });
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: metadata.name, uid: metadata.uid };
  return {
    generateName: 'stored-',
    labels: metadata.labels,
    ownerReferences: [{ ...owner, controller: true }],
  };
}
