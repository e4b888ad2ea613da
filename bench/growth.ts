import { image } from '../test/support/registry/image.ts';
import { startRegistry } from '../test/support/registry/registry.ts';
import { ask } from './ask.ts';
import type { Effort, Figure } from './figure.ts';
import { startLoad } from './load/load.ts';
import { MARK } from './load/order.ts';
import { reviewOf } from './reviews.ts';
import type { ReviewServer } from './servers/server.ts';
import { startTagpin } from './servers/tagpin.ts';
import { addNamespace, startStage } from './stage.ts';
import { CONNECTIONS, type Contender, middle, orderOf, ratio, type Turn, takeTurns } from './turns.ts';

const PINNED = '"patchType":"JSONPatch"';
const IMAGES = 100_000;
const NAMESPACES = 1_000;
const CONTAINERS = 100;

const TARGET = { atLeast: 0.9 };

/** What stands for MARK in the review of that number. */
const numbered = (number: number) => String(number).padStart(MARK.length, '0');

/** Reviews a second when there is much of something, beside when there is little: 1 is no difference. */
export async function measureGrowth(effort: Effort): Promise<Figure[]> {
  return [await images(effort), await containers(effort), await namespaces(effort)];
}

async function images(effort: Effort): Promise<Figure> {
  const count = Math.max(10, Math.round(IMAGES * effort.scale));
  await using stage = await startStage();
  await using registry = await startRegistry({ name: 'localhost' });
  await using load = startLoad();
  const pushed = image();
  for (let number = 0; number < count; number++)
    registry.push(`shop/web-${numbered(number)}`, '1.27', pushed);

  const cache = { age: '24h', entries: count };
  await using few = await startTagpin(stage, { cache });
  await using many = await startTagpin(stage, { cache });
  const review = reviewOf({ images: [`${registry.host}/shop/web-${MARK}:1.27`] });
  const contender = (server: ReviewServer, variants: number) => ({
    server,
    review,
    variants,
    expected: PINNED,
  });
  const contenders = { few: contender(few, 10), many: contender(many, count) };
  for (const each of [contenders.few, contenders.many]) {
    await load.send({ ...orderOf(each), until: { requests: each.variants } });
  }
  registry.requests.clear();
  const turns = await takeTurns(load, contenders, effort);
  if (registry.requests.count() > 0) throw new Error('the cache was to be warm, and the registry was asked');
  return grown(`10 → ${count} cached images`, turns);
}

async function containers(effort: Effort): Promise<Figure> {
  const count = Math.max(2, Math.round(CONTAINERS * Math.max(effort.scale, 0.1)));
  await using stage = await startStage();
  await using registry = await startRegistry({ name: 'localhost' });
  await using load = startLoad();
  await using server = await startTagpin(stage, { cache: { age: '24h' } });
  const pushed = image();
  const names = Array.from({ length: count }, (_, number) => {
    registry.push(`shop/web-${number}`, '1.27', pushed);
    return `${registry.host}/shop/web-${number}:1.27`;
  });
  // Of the size that they have: 6 KiB for the one would be mostly something else.
  const contender = (wanted: readonly string[]) => ({
    server,
    review: reviewOf({ images: wanted, size: 0 }),
    expected: PINNED,
  });
  const contenders = { few: contender(names.slice(0, 1)), many: contender(names) };
  for (const { review } of [contenders.few, contenders.many]) await ask(server, review);
  return grown(`1 → ${count} containers, for each`, await takeTurns(load, contenders, effort), count);
}

async function namespaces(effort: Effort): Promise<Figure> {
  const count = Math.max(CONNECTIONS, Math.round(NAMESPACES * effort.scale));
  await using stage = await startStage();
  const users = Array.from({ length: count }, (_, number) => ({
    name: `team-${numbered(number)}`,
    password: `password of ${number}`,
    pull: ['*'],
  }));
  await using registry = await startRegistry({ name: 'localhost', auth: { scheme: 'basic' }, users });
  await using load = startLoad();
  registry.push('shop/web', '1.27', image());
  for (const { name, password } of users) {
    addNamespace(stage.api, name, { registry: registry.host, username: name, password });
  }
  await using few = await startTagpin(stage, { cache: { age: '24h' } });
  await using many = await startTagpin(stage, { cache: { age: '24h' } });
  const review = reviewOf({ images: [`${registry.host}/shop/web:1.27`], namespace: `team-${MARK}` });
  const contender = (server: ReviewServer, variants: number): Contender => ({
    server,
    review,
    variants,
    expected: PINNED,
  });
  const contenders = { few: contender(few, 1), many: contender(many, count) };
  for (const each of [contenders.few, contenders.many]) {
    await load.send({ ...orderOf(each), until: { requests: each.variants ?? 1 } });
  }
  return grown(
    `1 → ${count} namespaces with their own credentials`,
    await takeTurns(load, contenders, effort),
  );
}

function grown(name: string, turns: Map<'few' | 'many', Turn[]>, weight = 1): Figure {
  const [few, many] = [turns.get('few'), turns.get('many')];
  return {
    subject: 'growth',
    name: `reviews/s, ${name}`,
    value: ratio(many, few) * weight,
    unit: '×',
    target: TARGET,
    detail: {
      'few /s': middle(few, 'rate'),
      'many /s': middle(many, 'rate'),
      'few/many CPU': ratio(few, many, 'cpu') * weight,
    },
  };
}
