import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { auditorOf } from '../../support/auditor.ts';
import { readCluster } from '../../support/cluster.ts';
import { type Creations, type Creators, startCreators } from '../../support/creators.ts';
import { Images, type PushedImage } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import { placeKnown } from '../../support/known-pod.ts';
import { knownRolloutsOf } from '../../support/known-rollouts.ts';
import { createNamespace, type Manifest, type Mode, type Namespace } from '../../support/namespace.ts';
import { processOf } from '../../support/processes.ts';
import { imagesOf } from '../../support/rollout.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { until } from '../../support/until.ts';

const cluster = readCluster();
const images = new Images(cluster);
const tagpin = tagpinOf(cluster);
const policies = knownRolloutsOf(cluster, installationOf(cluster));

/** The least number of pods created in each mode: `CHAOS_PODS=10000 npm run e2e -- chaos`. */
const PODS = Number(process.env['CHAOS_PODS'] ?? 2_000);
const DELETIONS = 3;
const ABSENT_MS = 5_000;
/** The longest pause between two creates of one creator, and between a failed create and its retry. */
const CREATORS = { count: 20, pause: 200, retryAfter: 500 };

/** The faults, one after another. All but the last leave at least one replica alive. */
const spells = {
  'force-deleted': async () => {
    for (let time = 0; time < DELETIONS; time++) await deleteOne();
  },
  // Until the kubelet kills it, calls on its connections get no answer.
  stopped: async () => {
    const [replica] = await tagpin.recovered();
    process.kill(processOf(replica?.container ?? ''), 'SIGSTOP');
    await tagpin.recovered(replica?.container);
  },
  killed: async () => {
    for (const { container } of await tagpin.recovered()) {
      process.kill(processOf(container), 'SIGKILL');
      await tagpin.recovered(container);
    }
  },
  'none at all': async () => {
    await tagpin.stop();
    await sleep(ABSENT_MS);
    await tagpin.start();
  },
};

async function deleteOne(): Promise<void> {
  const [replica] = await tagpin.recovered();
  await tagpin.forceDelete(replica?.name ?? '');
  await tagpin.recovered(replica?.name);
}

interface Spell {
  readonly created: number;
  readonly failed: number;
  readonly unpinned: number;
}

/** Goes through all faults, then repeats the first until enough pods have been created. */
async function chaos({ soFar }: Creators): Promise<Record<string, Spell>> {
  const counts = () => ({
    created: soFar.created,
    failed: soFar.failures.length,
    unpinned: soFar.unpinned.length,
  });
  const during = async (spell: () => Promise<void>): Promise<Spell> => {
    const before = counts();
    await spell();
    const after = counts();
    return {
      created: after.created - before.created,
      failed: after.failed - before.failed,
      unpinned: after.unpinned - before.unpinned,
    };
  };
  const figures: Record<string, Spell> = {};
  for (const [name, spell] of Object.entries(spells)) figures[name] = await during(spell);
  figures['force-deleted again'] = await during(async () => {
    while (soFar.created < PODS) await deleteOne();
  });
  return figures;
}

/** Of pods whose revision has the image's digest; their owner is of a kind that no controller here looks after. */
async function knownMetadata(namespace: Namespace, { tagged, digest }: PushedImage): Promise<Manifest> {
  const stored = { 'pins.tagpin.dev/own.mwup954p': JSON.stringify({ [tagged]: digest }) };
  const [pod] = await placeKnown(namespace, [{ name: 'known', of: 'CloneSet', stored, spec: {} }]);
  const { name: _, ...metadata } = pod?.metadata ?? {};
  return metadata;
}

function report(who: string, { created, failures, unpinned, slowest, tries }: Creations): void {
  console.log(`${who}: ${created} pods, ${failures.length} creates failed, ${unpinned.length} unpinned`);
  console.log(`the slowest ${Math.round(slowest)} ms with all its tries, at most ${tries}`);
  console.log([...count(failures.map(withoutNumbers))].map(([text, n]) => `${n} x ${text}`).join('\n'));
}

async function createThrough(mode: Mode) {
  await using started = new AsyncDisposableStack();
  const namespace = await createNamespace(cluster, mode);
  started.defer(() => gone(namespace));
  started.use(namespace);
  const image = await images.push();
  const metadata = await knownMetadata(namespace, image);
  const creators = startCreators(cluster, namespace, image, CREATORS);
  // The policies leave other namespaces to the webhook.
  const ofRollout = startCreators(cluster, namespace, image, {
    ...CREATORS,
    ...(mode !== 'enforce' && { count: 0 }),
    metadata,
  });
  const figures = await chaos(creators).finally(() => Promise.all([creators.stop(), ofRollout.stop()]));
  const [creations, known] = [await creators.stop(), await ofRollout.stop()];
  report(mode, creations);
  if (known.created > 0) report(`${mode}, of a known rollout`, known);
  console.table(figures);
  return {
    ...creations,
    known,
    figures,
    image,
    stored: await imagesOf(namespace, ''),
    audited: await byTag(namespace),
  };
}

/** The pods that run by tag, according to `tagpin audit`. */
async function byTag(namespace: Namespace): Promise<string[]> {
  const { audit } = await auditorOf(cluster, namespace);
  const { images: found } = await audit('--only', 'unpinned');
  return found.flatMap(({ pods }) => pods).sort();
}

/** Waits until a namespace is gone: thousands of pods take a while, and would slow down the next test. */
const gone = (namespace: Namespace) =>
  until(
    `namespace ${namespace.name} to be gone`,
    async () => (await namespace.kubectl(['get', 'namespace', namespace.name])).code !== 0 || undefined,
    { timeout: 300_000, every: 2_000 },
  ).then(() => undefined);

/** The API server's message without ports and addresses, so that equal errors compare equal. */
const withoutNumbers = (text: string) =>
  (/"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text).replace(/\d+\.\d+\.\d+\.\d+:\d+/g, 'ADDRESS');

function count(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

afterEach(async () => {
  await tagpin.start();
}, 90_000);

describe('while replicas of tagpin are force-deleted, killed, stopped, and all gone', () => {
  beforeAll(() => policies.install());
  afterAll(() => policies.rest());

  test(`enforce admits no pod unpinned, and pods of known rollouts at once; failures of others are the API server's own, and succeed on a retry`, async () => {
    const { created, givenUp, failures, unpinned, known, image, stored, audited, figures } =
      await createThrough('enforce');
    expect(known.failures, 'of a known rollout').toEqual([]);
    expect(known.unpinned, 'of a known rollout').toEqual([]);
    expect(known.created).toBeGreaterThanOrEqual(PODS);
    expect(created).toBeGreaterThanOrEqual(PODS);
    expect(givenUp).toBe(0);
    expect(unpinned).toEqual([]);
    expect(stored).toEqual([image.pinned]);
    expect(audited).toEqual([]);
    for (const failure of failures)
      expect(failure).toContain('failed calling webhook \\"enforce.tagpin.dev\\"');
    expect(figures['none at all']?.failed, 'or this test shows nothing').toBeGreaterThan(0);
  }, 900_000);

  test('best-effort admits every pod; those created while no replica answered are unpinned, and the audit finds each', async () => {
    const { created, failures, unpinned, image, stored, audited, figures } =
      await createThrough('best-effort');
    expect(created).toBeGreaterThanOrEqual(PODS);
    expect(failures).toEqual([]);
    expect(audited).toEqual(unpinned.map(({ name }) => name).sort());
    expect(new Set(unpinned.flatMap((pod) => pod.images))).toEqual(new Set([image.tagged]));
    expect(new Set(stored)).toEqual(new Set([image.pinned, image.tagged]));
    expect(figures['none at all']?.unpinned, 'or this test shows nothing').toBeGreaterThan(0);
  }, 900_000);
});
