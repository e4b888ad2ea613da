import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { health } from '../test/support/webhook-process.ts';
import type { Figure } from './figures.ts';
import { type Bound, trendOf } from './flatness.ts';
import { run } from './run.ts';
import { residentOf } from './stage/process.ts';
import { reviewOf } from './stage/reviews.ts';
import { type Contender, type Stage, startStage, type Tagpin } from './stage/stage.ts';
import { CONTAINER_HEAP } from './stage/tagpin.ts';

const IMAGES = 2_000;
const SAMPLE_MS = 5_000;
/** The load comes in so many pieces a second. */
const PIECES = 20;
const FULL_SPEED_MS = 10_000;
/** The first part of the time isn't looked at: caches fill, code is compiled, the heap finds its size. */
const SETTLING = 1 / 5;

const measured = ['resident', 'heap', 'delay', 'descriptors'] as const;
type Sample = Readonly<Record<(typeof measured)[number], number>>;

/** What each may grow by while it is looked at. */
const bounds: Readonly<Record<(typeof measured)[number], Bound & { what: string; unit: string }>> = {
  resident: { what: 'resident', unit: 'MiB', share: 0.1, least: 8 },
  heap: { what: 'heap in use', unit: 'MiB', share: 0.1, least: 8 },
  delay: { what: 'event loop delay, p99', unit: 'ms', share: 0.25, least: 5 },
  // Sockets are descriptors, too.
  descriptors: { what: 'file descriptors', unit: '', share: 0, least: 2 },
};

async function soak({ minutes }: { minutes: number }): Promise<Figure[]> {
  await using stage = await startStage();
  // The cache as it is by default: each image is asked for again once a minute.
  const server = await stage.tagpin({ nodeOptions: [CONTAINER_HEAP] });
  const contender = { server, review: reviewOf({ images: [stage.push(IMAGES)] }), variants: IMAGES };
  await stage.send(contender, { requests: IMAGES });
  const { answers, milliseconds } = await stage.send(contender, { milliseconds: FULL_SPEED_MS });
  const full = (answers / milliseconds) * 1000;
  console.error(`${Math.round(full)} reviews/s at full speed; half of that for ${minutes} min`);

  const started = performance.now();
  const end = started + minutes * 60_000;
  const ended = new AbortController();
  const sending = sendUntil(stage, contender, full / 2, end).finally(() => ended.abort());
  const samples: Sample[] = [];
  for (let at = started + SAMPLE_MS; at <= end && !ended.signal.aborted; at += SAMPLE_MS) {
    await delay(at - performance.now(), undefined, { signal: ended.signal }).catch(() => undefined);
    samples.push(await look(server));
    stage.registry.requests.clear();
    stage.api.requests.clear();
  }
  const reviews = await sending;
  mkdirSync('.results', { recursive: true });
  writeFileSync('.results/soak-samples.json', JSON.stringify(samples));
  const half = { 'reviews sent': reviews, 'at full speed, /s': full };
  return [
    { name: 'reviews/s', value: reviews / (minutes * 60), unit: '/s', detail: half },
    ...measured.map((name) => growth(name, samples)),
  ];
}

function growth(name: (typeof measured)[number], samples: readonly Sample[]): Figure {
  const { what, unit, ...bound } = bounds[name];
  const settled = samples.slice(Math.floor(samples.length * SETTLING));
  const { growth, allowed, ...detail } = trendOf(
    settled.map(({ [name]: value }) => value),
    bound,
  );
  return { name: `${what}: growth`, value: growth, unit, target: { atMost: allowed }, detail };
}

/** Sends so many reviews a second. Returns how many it sent. */
async function sendUntil(stage: Stage, contender: Contender, rate: number, end: number): Promise<number> {
  const requests = Math.max(1, Math.round(rate / PIECES));
  let sent = 0;
  for (let next = performance.now(); Math.max(next, performance.now()) < end; next += 1000 / PIECES) {
    await delay(Math.max(0, next - performance.now()));
    await stage.send(contender, { requests });
    sent += requests;
  }
  return sent;
}

/** What the process holds, and how promptly it runs. */
async function look({ pid, healthPort }: Tagpin): Promise<Sample> {
  const metrics = (await health({ healthPort }, '/metrics'))?.text ?? '';
  const metric = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
  return {
    resident: residentOf(pid).now,
    heap: metric('nodejs_heap_size_used_bytes') / 2 ** 20,
    delay: metric('nodejs_eventloop_lag_p99_seconds') * 1000,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

await run({
  name: 'soak',
  usage: `npm run soak -- [--minutes 30]

Half of what the webhook can do, for so long: does it stay as it was? Exits with 1 if memory, the event loop's delay, file
descriptors grow. Figures go to .results/soak.json as well, all samples to .results/soak-samples.json.`,
  counts: { minutes: 30 },
  quick: { minutes: 1 },
  parts: { soak },
  strict: true,
});
