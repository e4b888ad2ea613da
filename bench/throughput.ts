import { image } from '../test/support/registry/image.ts';
import { type Registry, startRegistry } from '../test/support/registry/registry.ts';
import { ask } from './ask.ts';
import type { Effort, Figure } from './figure.ts';
import { type Load, startLoad } from './load/load.ts';
import { reviewOf } from './reviews.ts';
import { type DigesterOptions, startDigester } from './servers/digester.ts';
import { startFloor } from './servers/floor.ts';
import { startTagpin } from './servers/tagpin.ts';
import { NAMESPACE, type Stage, startStage } from './stage.ts';
import { type Contender, middle, ratio, type Turn, takeTurns } from './turns.ts';

const HASH = '6d4cf56db6';
const PINNED = '"patchType":"JSONPatch"';

/**
 * Reviews a second of one process over TLS, beside a server that does nothing, and beside k8s-digester if its program is
 * given.
 */
export async function measureThroughput(effort: Effort, digester?: string): Promise<Figure[]> {
  await using stage = await startStage();
  await using registry = await startRegistry({ name: 'localhost' });
  await using load = startLoad();
  await using tagpin = await startTagpin(stage, { cache: { age: '1h' } });

  const images = Array.from({ length: 4 }, (_, number) => pushed(registry, number));
  const [first = ''] = images;
  const one = reviewOf({ images: [first] });
  const four = reviewOf({ images });
  const stored = reviewOf({ images: [first], replicaSet: storePins(stage, first, registry) });
  await using floor = await startFloor(await ask(tagpin, stored));

  const contenders = {
    floor: { server: floor, review: stored, expected: PINNED },
    stored: { server: tagpin, review: stored, expected: PINNED },
    warm: { server: tagpin, review: one, expected: PINNED },
    four: { server: tagpin, review: four, expected: PINNED },
  };
  await ask(tagpin, one);
  await ask(tagpin, four);
  const turns = await takeTurns(load, contenders, effort);
  const floorTurns = turns.get('floor');
  const beside = (name: 'stored' | 'warm', what: string): Figure => ({
    subject: 'throughput',
    name: `reviews/s, ${what}, beside a bare server`,
    value: ratio(turns.get(name), floorTurns),
    unit: '×',
    target: { atLeast: 0.75 },
    detail: { ...detail(turns.get(name)), 'cpu/bare': ratio(turns.get(name), floorTurns, 'cpu') },
  });
  const figures: Figure[] = [
    {
      subject: 'throughput',
      name: 'a bare node:https server',
      value: middle(floorTurns, 'rate'),
      unit: '/s',
      detail: detail(floorTurns),
    },
    beside('stored', 'stored pins'),
    beside('warm', 'warm cache'),
  ];
  if (digester === undefined) return figures;
  return [...figures, ...(await besideDigester(load, contenders, effort, { binary: digester, stage }))];
}

/** Fewer turns: the difference is no matter of percents. */
const DIGESTER_ROUNDS = 3;

async function besideDigester(
  load: Load,
  { warm, four }: Record<'warm' | 'four', Contender>,
  effort: Effort,
  options: DigesterOptions,
): Promise<Figure[]> {
  await using server = await startDigester(options);
  const contenders = {
    warm,
    four,
    digester: { ...warm, server },
    digesterFour: { ...four, server },
  };
  const turns = await takeTurns(load, contenders, {
    ...effort,
    rounds: Math.min(effort.rounds, DIGESTER_ROUNDS),
  });
  const beside = (
    name: 'warm' | 'four',
    peer: 'digester' | 'digesterFour',
    images: string,
    atLeast: number,
  ): Figure => ({
    subject: 'throughput',
    name: `reviews/s, warm cache, ${images}, beside k8s-digester`,
    value: ratio(turns.get(name), turns.get(peer)),
    unit: '×',
    target: { atLeast },
    detail: { '/s': middle(turns.get(name), 'rate'), 'digester /s': middle(turns.get(peer), 'rate') },
  });
  return [beside('warm', 'digester', 'one image', 20), beside('four', 'digesterFour', 'four images', 60)];
}

function detail(turns: readonly Turn[] | undefined) {
  return {
    '/s': middle(turns, 'rate'),
    'µs CPU': middle(turns, 'cpu'),
    'p50 ms': middle(turns, 'p50'),
    'p99 ms': middle(turns, 'p99'),
    'server load': middle(turns, 'serverLoad'),
    'generator load': middle(turns, 'generatorLoad'),
  };
}

function pushed(registry: Registry, number: number): string {
  const repository = `shop/web-${number}`;
  registry.push(repository, '1.27', image());
  return `${registry.host}/${repository}:1.27`;
}

/** A ReplicaSet as tagpin leaves it: the digest of its image in its annotations. */
function storePins({ api }: Stage, reference: string, registry: Registry) {
  const digest = registry.digest('shop/web-0', '1.27');
  const { metadata } = api.put({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      namespace: NAMESPACE,
      name: `web-${HASH}`,
      labels: { 'pod-template-hash': HASH },
      annotations: { [`pins.tagpin.dev/${HASH}.mwup954p`]: JSON.stringify({ [reference]: digest }) },
    },
  });
  return { hash: HASH, uid: metadata.uid ?? '' };
}
