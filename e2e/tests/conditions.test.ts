import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { image } from '../../test/support/registry/image.ts';
import { type Registry, startRegistry } from '../../test/support/registry/registry.ts';
import { runs } from '../../test/support/runs.ts';
import { startWebhook, type Webhook } from '../../test/webhook/webhooks.ts';
import { type CallRecorder, recordCalls } from '../support/call-recorder.ts';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { type DryRuns, dryRunsIn } from '../support/dry-runs.ts';
import { createNamespace, type Namespace } from '../support/namespace.ts';
import { type Change, changes, type Images, newPods, type OddPod, storedPods } from '../support/odd-pods.ts';

const cluster = readCluster();
let registry: Registry;
let webhooks: Webhook[];
let namespace: Namespace;
let recorder: CallRecorder;
let dryRuns: DryRuns;
let images: Images;

beforeAll(async () => {
  registry = await startRegistry();
  images = { tag: `${registry.host}/app:1`, digest: registry.push('app', '1', image()) };
  namespace = await createNamespace(cluster);
  // Its answers if the annotation counts, and if it doesn't.
  webhooks = [await startWebhook(), await startWebhook('pin: {skipAnnotation: []}')];
  for (const { api } of webhooks) {
    const metadata = { namespace: namespace.name, name: 'default' };
    api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  }
  dryRuns = dryRunsIn(cluster, namespace);
  await succeed(namespace.apply(...storedPods(images)));
  const ending = storedPods(images).flatMap(({ metadata }) => (metadata.finalizers ? [metadata.name] : []));
  await succeed(namespace.kubectl(['delete', 'pod', '--wait=false', ...ending]));
  recorder = await recordCalls(cluster, namespace);
  await dryRuns.until((call) => recorder.isCalled(call), { tag: images.tag });
}, 120_000);
afterAll(async () => {
  await recorder[Symbol.asyncDispose]();
  const finalized = storedPods(images).filter(({ metadata }) => metadata.finalizers);
  const patch = ['--type=merge', '--patch={"metadata":{"finalizers":null}}'];
  for (const { metadata } of finalized) await namespace.kubectl(['patch', 'pod', metadata.name, ...patch]);
  await namespace[Symbol.asyncDispose]();
  await dryRuns[Symbol.asyncDispose]();
  for (const webhook of webhooks) await webhook[Symbol.asyncDispose]();
  await registry.close();
});

/** Whether the webhook would, in some mode, do more than allow the request. */
async function hasToSee(call: string): Promise<boolean | undefined> {
  const review = recorder.review(call);
  if (review === undefined) return undefined;
  const asked = webhooks.flatMap((webhook) =>
    ['enforce', 'best-effort', 'audit'].map((mode) => webhook.review(mode, review)),
  );
  const answers = await Promise.all(asked);
  return answers.some(
    ({ response: { allowed, patch, warnings } }) => !allowed || patch !== undefined || warnings !== undefined,
  );
}

describe('the installed conditions, judged by the API server', () => {
  let reviewed = 0;
  let missed = 0;
  let spared = 0;
  async function expectNothingMissed(call: string): Promise<void> {
    const needed = await hasToSee(call);
    if (needed === undefined) {
      missed++;
      return;
    }
    reviewed++;
    const isCalled = recorder.isCalled(call);
    if (!isCalled) spared++;
    if (needed && !isCalled) expect.fail(`not called for ${JSON.stringify(recorder.review(call))}`);
  }

  test('property: the webhook is called for every created pod that concerns it', async () => {
    await fc.assert(
      fc.asyncProperty(newPods(images), async (pod) => expectNothingMissed(await dryRuns.create(pod))),
      runs(0.2),
    );
  }, 600_000);

  test('property: and for every changed pod', async () => {
    await fc.assert(
      fc.asyncProperty(changes(images), async (change: Change) =>
        expectNothingMissed(await dryRuns.change(change)),
      ),
      runs(0.2),
    );
  }, 600_000);

  test('most of the random pods reached admission, and a part of them skipped the webhook', () => {
    expect(missed).toBeLessThan(reviewed / 10);
    expect(spared).toBeGreaterThan(reviewed / 10);
  });

  const podOf = (...written: string[]): OddPod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: written.map((image, index) => ({ name: `c${index}`, image })) },
  });
  const digests = (count: number, name: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => `${name(index)}@${images.digest}`);
  const longName = (index: number) => `registry.example.com/${String(index).padStart(107, 'x')}`;

  test.each([
    ['one image by digest', 1, (index: number) => `app-${index}`],
    ['499 images by digest, and a volume,', 499, longName],
  ])('a pod of %s is not shown to it', async (_, count, name) => {
    const call = await dryRuns.create(podOf(...digests(count, name)));
    expect(recorder.review(call)).toBeDefined();
    expect(recorder.isCalled(call)).toBe(false);
  });

  test.each([501, 5_000])(
    'a pod of %s images is, whatever they are: the API server refuses long work',
    async (count) => {
      const call = await dryRuns.create(podOf(...digests(count, (index) => `app-${index}`)));
      expect(recorder.isCalled(call)).toBe(true);
    },
  );
});
