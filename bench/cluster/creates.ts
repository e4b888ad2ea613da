import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from '../../e2e/machine/binaries.ts';
import { startRegistry } from '../../test/support/registry/registry.ts';
import type { Figure } from '../figure.ts';
import { median } from '../rounds.ts';
import { prepare } from './contenders.ts';
import { type Creation, Creator } from './creating.ts';
import { Samples } from './samples.ts';
import type { Creates } from './settings.ts';
import { type ClusterStage, startClusterStage } from './stage.ts';

/** What one contender did in one round. */
interface Turn extends Creation {
  /** TCP connections that anybody here opened meanwhile. */
  readonly opened: number;
  /** Milliseconds that the API server waited for the webhook, in the mean. */
  readonly waited: number;
  /** Milliseconds of a core for each creation. */
  readonly cpu: ReturnType<ClusterStage['cpu']>;
}

/**
 * Creates a second through the real API server, as each contender has its pods let in: medians of rounds in which all
 * take turns. After each turn its pods are deleted, so that none finds more in etcd than the others.
 */
export async function measureCreates(
  directory: string,
  binaries: Binaries,
  { rounds, loads }: Creates,
): Promise<Figure[]> {
  await using registry = await startRegistry({ name: 'localhost' });
  await using stage = await startClusterStage(join(directory, 'cluster'), binaries, { cache: { age: '1h' } });
  await using creator = new Creator(stage.kubeconfig);
  const count = (rounds + 1) * loads.reduce((sum, { pods }) => sum + pods, 0);
  const contenders = await prepare(stage, creator, registry, count);
  const turns = new Map<string, Turn[]>();
  for (let round = -1; round < rounds; round++) {
    for (const { atOnce, pods } of loads) {
      for (const { name, path, next, check } of contenders) {
        const bodies = Array.from({ length: pods }, next);
        const [calls, before, used] = [await callsOf(creator), connectionsOpened(), stage.cpu()];
        const creation = await creator.createAll(path, bodies, atOnce, check);
        const [opened, now] = [connectionsOpened() - before, stage.cpu()];
        const each = (who: keyof typeof now) => (now[who] - used[who]) / pods;
        const cpu = { 'API server': each('API server'), etcd: each('etcd'), webhooks: each('webhooks') };
        const { seconds, count } = await callsOf(creator);
        const waited = ((seconds - calls.seconds) / Math.max(1, count - calls.count)) * 1000;
        await creator.empty(path);
        const key = `${name} ${atOnce}`;
        if (round >= 0) turns.set(key, [...(turns.get(key) ?? []), { ...creation, opened, waited, cpu }]);
      }
    }
  }
  return loads.flatMap(({ atOnce }) => {
    const of = (name: string) => turns.get(`${name} ${atOnce}`) ?? [];
    return contenders.flatMap(({ name }) => figures(name, atOnce, of(name), of('unhooked')));
  });
}

/** What is wanted of tagpin where it asks no registry. */
const targets: Readonly<Record<number, { rate: number; added?: number }>> = {
  4: { rate: 0.85, added: 2.5 },
  50: { rate: 0.75 },
};

function figures(name: string, atOnce: number, own: readonly Turn[], unhooked: readonly Turn[]): Figure[] {
  const middle = (of: Exclude<keyof Turn, 'cpu'>) => median(own.map((turn) => turn[of]));
  const cpuMs = (who: keyof Turn['cpu']) => median(own.map(({ cpu }) => cpu[who]));
  const detail = {
    '/s': middle('rate'),
    'p50 ms': middle('p50'),
    'p95 ms': middle('p95'),
    'p99 ms': middle('p99'),
    'connections opened': middle('opened'),
    'ms for the webhook': middle('waited'),
    'ms CPU of the API server': cpuMs('API server'),
    'of etcd': cpuMs('etcd'),
    'of the webhook': cpuMs('webhooks'),
  };
  const about = { subject: 'cluster', detail } as const;
  if (name === 'unhooked') {
    return [{ ...about, name: `creates/s, unhooked, ${atOnce} at once`, value: detail['/s'], unit: '/s' }];
  }
  const ratio = median(own.map(({ rate }, round) => rate / (unhooked[round]?.rate ?? Number.NaN)));
  const added = median(own.map(({ p50 }, round) => p50 - (unhooked[round]?.p50 ?? Number.NaN)));
  const wanted = name === 'stored' || name === 'warm' ? targets[atOnce] : undefined;
  return [
    {
      ...about,
      name: `creates/s, ${name}, ${atOnce} at once, beside unhooked`,
      value: ratio,
      unit: '×',
      ...(wanted && { target: { atLeast: wanted.rate } }),
    },
    {
      subject: 'cluster',
      name: `added at the median, ${name}, ${atOnce} at once`,
      value: added,
      unit: 'ms',
      ...(wanted?.added !== undefined && { target: { atMost: wanted.added } }),
    },
  ];
}

/** What the API server has seen of webhooks so far. */
async function callsOf(creator: Creator): Promise<{ seconds: number; count: number }> {
  const samples = new Samples(await creator.get('/metrics'));
  const name = 'apiserver_admission_webhook_admission_duration_seconds';
  return { seconds: samples.sum(`${name}_sum`), count: samples.sum(`${name}_count`) };
}

/** How many connections have been opened in this network namespace so far. */
function connectionsOpened(): number {
  const [names = [], values = []] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('ActiveOpens')]);
}
