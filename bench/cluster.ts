import { z } from 'zod';
import { startRegistry } from '../test/support/registry/registry.ts';
import { type Contender, prepare } from './cluster/contenders.ts';
import { prepareKnown } from './cluster/known.ts';
import { Samples } from './cluster/samples.ts';
import { type ClusterStage, startClusterStage } from './cluster/stage.ts';
import type { Figure } from './figures.ts';
import { run } from './run.ts';
import { quantile } from './stage/load.ts';
import { forEach } from './stage/process.ts';
import { type Turn, takeTurns } from './turns.ts';

const named = z.object({ metadata: z.object({ name: z.string() }) });

/** Creates a second through the real API server, as each contender has its pods let in. */
async function measure({ rounds, pods }: { rounds: number; pods: number }): Promise<Figure[]> {
  await using registry = await startRegistry({ name: 'localhost' });
  await using stage = await startClusterStage({ settings: { cache: { age: '1h' } } });
  const contenders = await prepare(stage, registry, (rounds + 1) * 3 * pods);
  return [
    ...(await compare(stage, contenders, { rounds, atOnce: 4, pods, wanted: 0.85 })),
    ...(await compare(stage, contenders, { rounds, atOnce: 50, pods: 2 * pods, wanted: 0.75 })),
  ];
}

/** The same where policies of the API server pin pods of known rollouts, by how many rollouts are live. */
async function measureKnown({ rounds, pods }: { rounds: number; pods: number }): Promise<Figure[]> {
  await using registry = await startRegistry({ name: 'localhost' });
  await using stage = await startClusterStage({ settings: { cache: { age: '1h' } } });
  const { unhooked, 'bare-patch': bare, stored } = await prepare(stage, registry, 1);
  const contenders = { unhooked, 'bare-patch': bare, stored, ...(await prepareKnown(stage, registry)) };
  const named = Object.entries(contenders).flatMap(([name, contender]) =>
    contender === undefined ? [] : [[name, () => create(stage, contender, pods, 4)] as const],
  );
  const turns = await takeTurns(Object.fromEntries(named), rounds);
  const noDearer = { atMost: 1 };
  return [
    ...turns.beside('unhooked', 'creates/s'),
    ...turns.beside('stored', 'ms CPU together', { 'known 1': noDearer, 'known 10': noDearer }),
    ...turns.added('stored', 'p50 ms'),
  ];
}

interface Load {
  readonly rounds: number;
  readonly atOnce: number;
  readonly pods: number;
  /** The ratio that is wanted of tagpin where it asks no registry. */
  readonly wanted: number;
}

async function compare(
  stage: ClusterStage,
  contenders: Readonly<Record<string, Contender>>,
  { rounds, atOnce, pods, wanted }: Load,
): Promise<Figure[]> {
  const at = (name: string) => `${name}, ${atOnce} at once`;
  const named = Object.entries(contenders).map(
    ([name, contender]) => [at(name), () => create(stage, contender, pods, atOnce)] as const,
  );
  const turns = await takeTurns(Object.fromEntries(named), rounds);
  const target = { atLeast: wanted };
  const targets = { [at('stored')]: target, [at('warm')]: target, [at('digest')]: { atLeast: 0.95 } };
  return [...turns.beside(at('unhooked'), 'creates/s', targets), ...turns.added(at('unhooked'), 'p50 ms')];
}

/** Changes a second of pods that are there: a label of each. */
async function measureUpdates({ rounds, pods }: { rounds: number; pods: number }): Promise<Figure[]> {
  await using registry = await startRegistry({ name: 'localhost' });
  await using stage = await startClusterStage();
  const { unhooked, warm } = await prepare(stage, registry, 0);
  const figures: Figure[] = [];
  for (const atOnce of [4, 50]) {
    const at = (name: string) => `${name}, ${atOnce} at once`;
    const turns = await takeTurns(
      {
        [at('unhooked')]: await updating(stage, unhooked, pods, atOnce),
        [at('pinned')]: await updating(stage, warm, pods, atOnce),
      },
      rounds,
    );
    figures.push(...turns.beside(at('unhooked'), 'updates/s', { [at('pinned')]: { atLeast: 1 } }));
  }
  return figures;
}

/** Creates pods; each turn changes all of them. */
async function updating({ api, cpu }: ClusterStage, { path, next }: Contender, pods: number, atOnce: number) {
  const made: string[] = [];
  for (let pod = 0; pod < pods; pod++) made.push(await api.create(path, next()));
  const paths = made.map((text) => `${path}/${named.parse(JSON.parse(text)).metadata.name}`);
  let turn = 0;
  return async (): Promise<Turn> => {
    const used = cpu();
    const body = JSON.stringify({ metadata: { labels: { turn: String(++turn) } } });
    const started = performance.now();
    await forEach(paths, atOnce, async (pod) => void (await api.patch(pod, body)));
    const seconds = (performance.now() - started) / 1000;
    const cpuMs = (cpu()['API server'] - used['API server']) / pods;
    return { 'updates/s': pods / seconds, 'ms CPU of the API server': cpuMs };
  };
}

/** One turn. Its pods are deleted afterwards, so that no contender finds more in etcd than the others. */
async function create(
  { api, cpu }: ClusterStage,
  { path, next, expected }: Contender,
  pods: number,
  atOnce: number,
): Promise<Turn> {
  const bodies = Array.from({ length: pods }, next);
  const [calls, used] = [await callsOf(api), cpu()];
  const times: number[] = [];
  const started = performance.now();
  await forEach(bodies, atOnce, async (body) => {
    const sent = performance.now();
    const made = await api.create(path, body);
    times.push(performance.now() - sent);
    if (!made.includes(expected)) throw new Error(`no ${expected} in ${made}`);
  });
  const seconds = (performance.now() - started) / 1000;
  const [now, { sum, count }] = [cpu(), await callsOf(api)];
  const cpuOf = (of: keyof typeof now) => (now[of] - used[of]) / pods;
  await api.empty(path);
  return {
    'creates/s': pods / seconds,
    'p50 ms': quantile(times, 0.5),
    'p95 ms': quantile(times, 0.95),
    'p99 ms': quantile(times, 0.99),
    'ms for the webhook': ((sum - calls.sum) / Math.max(1, count - calls.count)) * 1000,
    'ms CPU of the API server': cpuOf('API server'),
    'of etcd': cpuOf('etcd'),
    'of the webhook': cpuOf('webhooks'),
    'ms CPU together': cpuOf('API server') + cpuOf('webhooks'),
  };
}

/** What the API server has seen of webhooks so far. */
async function callsOf(api: ClusterStage['api']): Promise<{ sum: number; count: number }> {
  const samples = new Samples(await api.get('/metrics'));
  const name = 'apiserver_admission_webhook_admission_duration_seconds';
  return { sum: samples.sum(`${name}_sum`), count: samples.sum(`${name}_count`) };
}

await run({
  name: 'bench-cluster',
  usage: `npm run bench:cluster -- [--rounds N] [--pods N] [--quick]

Creates pods at a real API server, N (200) by 4 and twice as many by 50 at once: without a webhook, with a bare one in
Node that does nothing or patches a constant, and with tagpin (digests stored, in its cache, asked of a registry, written in
the pod), all in turn; medians of N rounds (7). Then changes a label of N pods, without a webhook and pinned by tagpin.
Then creates pods with the component known-rollouts, while 1, 10, 50 or 200 of 1,000 ReplicaSets in a namespace are live;
--only known is that part alone. As root on Linux, with the programs that npm run e2e builds. Figures go to
.results/bench-cluster.json as well.`,
  counts: { rounds: 7, pods: 200 },
  quick: { rounds: 1, pods: 40 },
  parts: { creates: measure, updates: measureUpdates, known: measureKnown },
  isolated: true,
});
