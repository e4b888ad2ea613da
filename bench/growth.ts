import { image } from '../test/support/registry/image.ts';
import type { Figure } from './figures.ts';
import { CONNECTIONS, MARK, numbered } from './stage/load.ts';
import { reviewOf } from './stage/reviews.ts';
import { type Contender, type Stage, startStage } from './stage/stage.ts';
import type { Effort } from './throughput.ts';
import { takeTurns } from './turns.ts';

const OPTIONS = { settings: { cache: { age: '24h' } } };
const IMAGES = 100_000;
const NAMESPACES = 1_000;
const CONTAINERS = 100;

/** Images a second when there is much of something, beside when there is little: 1 is no difference. */
export async function measureGrowth(effort: Effort): Promise<Figure[]> {
  return [...(await images(effort)), ...(await containers(effort)), ...(await namespaces(effort))];
}

async function images(effort: Effort): Promise<Figure[]> {
  const count = Math.max(10, (IMAGES * effort.percent) / 100);
  await using stage = await startStage();
  const review = reviewOf({ images: [stage.push(count)] });
  const options = { settings: { cache: { age: '24h', entries: count } } };
  const few = { server: await stage.tagpin(options), review, variants: 10 };
  const many = { server: await stage.tagpin(options), review, variants: count };
  return await grown(stage, effort, ['10 cached images', few], [`${count} cached images`, many]);
}

async function containers(effort: Effort): Promise<Figure[]> {
  const count = Math.max(10, (CONTAINERS * effort.percent) / 100);
  await using stage = await startStage();
  const server = await stage.tagpin(OPTIONS);
  const reference = stage.push(count);
  const all = Array.from({ length: count }, (_, number) => reference.replace(MARK, numbered(number)));
  // As small as they can be: 6 KiB for the one would be mostly something else.
  const few = { server, review: reviewOf({ images: [reference] }, 0) };
  const many = { server, review: reviewOf({ images: all }, 0) };
  return await grown(stage, effort, ['a container', few], [`${count} containers`, many]);
}

async function namespaces(effort: Effort): Promise<Figure[]> {
  const count = Math.max(CONNECTIONS, (NAMESPACES * effort.percent) / 100);
  const names = Array.from({ length: count }, (_, number) => `team-${numbered(number)}`);
  const users = names.map((name) => ({ name, password: `password of ${name}`, pull: ['*'] }));
  await using stage = await startStage({ auth: { scheme: 'basic' }, users });
  const registry = stage.registry.host;
  stage.registry.push('shop/web', '1.27', image());
  for (const { name, password } of users) stage.addNamespace(name, { registry, username: name, password });
  const review = reviewOf({ images: [`${registry}/shop/web:1.27`], namespace: `team-${MARK}` });
  const few = { server: await stage.tagpin(OPTIONS), review };
  const many = { server: await stage.tagpin(OPTIONS), review, variants: count };
  return await grown(stage, effort, ['a namespace', few], [`${count} with credentials of their own`, many]);
}

async function grown(
  stage: Stage,
  { rounds, milliseconds }: Effort,
  [little, few]: [string, Contender],
  [much, many]: [string, Contender],
): Promise<Figure[]> {
  for (const contender of [few, many]) await stage.send(contender, { requests: contender.variants ?? 1 });
  stage.registry.requests.clear();
  const contenders = { [little]: stage.turn(few, milliseconds), [much]: stage.turn(many, milliseconds) };
  const turns = await takeTurns(contenders, rounds);
  if (stage.registry.requests.count() > 0)
    throw new Error('the registry was asked; the cache was to be warm');
  return turns.beside(little, 'images/s', { [much]: { atLeast: 0.9 } });
}
