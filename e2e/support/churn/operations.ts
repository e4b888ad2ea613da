import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { World } from './world.ts';

/** What happens in one step. `n` chooses among what there is. */
type Operation = (world: World, n: number) => Promise<unknown>;

const scaled = ['deployment/web', 'deployment/api', 'statefulset/db', 'replicaset/bare'];
const restarted = ['deployment/web', 'deployment/api', 'statefulset/db', 'daemonset/each'];
const modes = ['enforce', 'best-effort', 'enforce', 'audit'] as const;
const at = <T>(list: readonly T[], n: number): T | undefined => list[n % list.length];

/** The objects of a kind, sorted by name. */
async function names({ kubectl }: World, kind: string, ...args: string[]): Promise<string[]> {
  const text = await kubectl('get', kind, '--output=name', ...args);
  return text === '' ? [] : text.split('\n').sort();
}

/** The ReplicaSet that a Deployment scales, or the revision that a set is at. */
async function current({ kubectl }: World, n: number): Promise<string> {
  if (n % 2 === 0) {
    const app = n % 4 === 0 ? 'web' : 'api';
    const newest = ['--sort-by=.metadata.annotations.deployment\\.kubernetes\\.io/revision', '--output=name'];
    return (await kubectl('get', 'replicaset', `--selector=app=${app}`, ...newest)).split('\n').at(-1) ?? '';
  }
  const name = await kubectl('get', 'statefulset', 'db', '--output=jsonpath={.status.updateRevision}');
  return name === '' ? '' : `controllerrevision/${name}`;
}

/** Each with how often it comes. The rare ones take seconds. */
const operations: readonly { name: string; weight: number; run: Operation }[] = [
  { name: 'move the tag', weight: 12, run: ({ moveTag }, n) => moveTag(n) },
  {
    name: 'scale',
    weight: 14,
    run: ({ kubectl }, n) => kubectl('scale', at(scaled, n) ?? '', `--replicas=${(n >> 3) % 5}`),
  },
  {
    name: 'delete a pod',
    weight: 8,
    run: async (world, n) =>
      world.kubectl('delete', at(await names(world, 'pods'), n) ?? 'pod/none', '--wait=false'),
  },
  {
    name: 'delete all pods',
    weight: 2,
    run: ({ kubectl }) => kubectl('delete', 'pods', '--all', '--wait=false'),
  },
  {
    name: 'restart',
    weight: 6,
    run: ({ kubectl }, n) => kubectl('rollout', 'restart', at(restarted, n) ?? ''),
  },
  { name: 'undo', weight: 6, run: ({ kubectl }, n) => kubectl('rollout', 'undo', at(restarted, n) ?? '') },
  {
    name: 'delete a revision and leave its pods',
    weight: 5,
    run: async (world, n) => {
      const name = await current(world, n);
      if (name !== '') await world.deleteAndAwait(name, '--cascade=orphan');
      // Replicas of tagpin believe what they have read of a ControllerRevision for as long.
      await sleep(2_000);
    },
  },
  {
    name: 'delete a workload, leave its pods, and apply it again',
    weight: 4,
    run: async (world, n) => {
      const name = at(scaled, n) ?? '';
      await world.kubectl('delete', name, '--cascade=orphan');
      await world.apply(name);
    },
  },
  {
    name: 'replace a revision by a manifest without annotations',
    weight: 5,
    run: async (world, n) => {
      const all = await names(world, 'replicasets,controllerrevisions,jobs');
      await world.replace(at(all, n) ?? 'replicaset/none');
    },
  },
  {
    name: 'suspend or resume the Job',
    weight: 4,
    run: (world, n) => world.replace('job/work', { suspend: n % 2 === 0 }),
  },
  { name: 'stop or start the registry', weight: 2, run: ({ toggleRegistry }) => toggleRegistry() },
  { name: 'kill a replica', weight: 2, run: ({ kill }, n) => kill(n) },
  { name: 'change the mode', weight: 3, run: ({ setMode }, n) => setMode(at(modes, n) ?? 'enforce') },
  {
    name: 'start or end another webhook',
    weight: 3,
    run: ({ toggleWebhook }, n) => toggleWebhook(n % 2 === 0 ? 'rewriting' : 'injecting'),
  },
  { name: 'guard on or off', weight: 1, run: ({ toggleGuard }) => toggleGuard() },
  { name: 'change the configuration', weight: 1, run: ({ toggleKeepTag }) => toggleKeepTag() },
];

export interface Step {
  readonly name: string;
  readonly n: number;
  run(world: World): Promise<unknown>;
}

/** Random steps, the same for the same seed. */
export function stepsOf(seed: number, count: number): Step[] {
  const operation = fc.oneof(
    ...operations.map((each) => ({ weight: each.weight, arbitrary: fc.constant(each) })),
  );
  const step = fc.tuple(operation, fc.nat(10_000));
  return fc
    .sample(step, { seed, numRuns: count })
    .map(([{ name, run }, n]) => ({ name, n, run: (world: World) => run(world, n) }));
}
