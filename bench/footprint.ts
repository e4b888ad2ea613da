import type { Figure } from './figures.ts';
import { residentOf } from './stage/process.ts';
import { reviewOf } from './stage/reviews.ts';
import { startStage } from './stage/stage.ts';
import type { Effort } from './throughput.ts';
import { median } from './turns.ts';

const IMAGES = 10_000;
const REVIEWS = 100_000;

/** What it takes to run tagpin with all settings at their defaults: memory, and time to start. */
export async function measureFootprint(effort: Effort): Promise<Figure[]> {
  return [await start(effort), await memory(effort)];
}

async function start({ rounds }: Effort): Promise<Figure> {
  const times: number[] = [];
  await using stage = await startStage();
  // The first to start makes the certificate.
  for (let round = -1; round < rounds; round++) {
    await using tagpin = await stage.tagpin();
    if (round >= 0) times.push(tagpin.readyAfter);
  }
  return { name: 'start to ready', value: median(times), unit: 'ms', target: { atMost: 500 } };
}

async function memory({ percent }: Effort): Promise<Figure> {
  const [images, requests] = [(IMAGES * percent) / 100, (REVIEWS * percent) / 100];
  await using stage = await startStage();
  const server = await stage.tagpin();
  const before = residentOf(server.pid);
  const review = reviewOf({ images: [stage.push(images)] });
  await stage.send({ server, review, variants: images }, { requests });
  const after = residentOf(server.pid);
  const floor = await stage.floor(server, review);
  await stage.send({ server: floor, review }, { requests });
  return {
    name: `resident after ${requests} reviews of ${images} images`,
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
