import { image } from '../test/support/registry/image.ts';
import { startRegistry } from '../test/support/registry/registry.ts';
import { ask } from './ask.ts';
import type { Effort, Figure } from './figure.ts';
import { startLoad } from './load/load.ts';
import { MARK } from './load/order.ts';
import { reviewOf } from './reviews.ts';
import { median } from './rounds.ts';
import { startFloor } from './servers/floor.ts';
import { residentOf } from './servers/process.ts';
import { startTagpin } from './servers/tagpin.ts';
import { startStage } from './stage.ts';
import { orderOf } from './turns.ts';

const IMAGES = 10_000;
const REVIEWS = 100_000;

/** What it takes to run it: memory, and time to start. All settings at their defaults. */
export async function measureFootprint(effort: Effort): Promise<Figure[]> {
  return [await start(effort), await memory(effort)];
}

async function start({ rounds }: Effort): Promise<Figure> {
  const times: Record<'first' | 'later', number[]> = { first: [], later: [] };
  for (let round = 0; round < rounds; round++) {
    // A stage of its own: the first to start there makes the certificate.
    await using stage = await startStage();
    for (const which of ['first', 'later'] as const) {
      await using tagpin = await startTagpin(stage);
      times[which].push(tagpin.readyAfter);
    }
  }
  return {
    subject: 'footprint',
    name: 'start to ready',
    value: median(times.later),
    unit: 'ms',
    target: { atMost: 500 },
    detail: { 'ms with a new certificate': median(times.first) },
  };
}

async function memory({ scale }: Effort): Promise<Figure> {
  const [images, reviews] = [IMAGES * scale, REVIEWS * scale];
  await using stage = await startStage();
  await using registry = await startRegistry({ name: 'localhost' });
  await using load = startLoad();
  await using server = await startTagpin(stage);
  const pushed = image();
  for (let number = 0; number < images; number++) {
    registry.push(`shop/web-${String(number).padStart(MARK.length, '0')}`, '1.27', pushed);
  }
  const before = residentOf(server.pid);
  const review = reviewOf({ images: [`${registry.host}/shop/web-${MARK}:1.27`] });
  const expected = '"patchType":"JSONPatch"';
  await load.send({
    ...orderOf({ server, review, variants: images, expected }),
    until: { requests: reviews },
  });
  const after = residentOf(server.pid);
  await using floor = await startFloor(await ask(server, review));
  await load.send({ ...orderOf({ server: floor, review, expected }), until: { requests: reviews } });
  return {
    subject: 'footprint',
    name: `resident after ${reviews} reviews of ${images} images`,
    value: after.now,
    unit: 'MiB',
    target: { atMost: 128 },
    detail: {
      'MiB before': before.now,
      'MiB at most': after.most,
      'MiB of a bare node:https server after as many': residentOf(floor.pid).now,
    },
  };
}
