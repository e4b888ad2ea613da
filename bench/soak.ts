import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { image } from '../test/support/registry/image.ts';
import { type Registry, startRegistry } from '../test/support/registry/registry.ts';
import { health } from '../test/support/webhook-process.ts';
import { type Bound, type Trend, trendOf } from './flatness.ts';
import { type Load, startLoad } from './load/load.ts';
import { MARK, type Order } from './load/order.ts';
import { reviewOf } from './reviews.ts';
import { type Sample, sampleOf } from './samples.ts';
import { startTagpin, type Tagpin } from './servers/tagpin.ts';
import { startStage } from './stage.ts';
import { table } from './table.ts';
import { orderOf } from './turns.ts';

const usage = `npm run soak -- [--minutes 30] [--json FILE]

Half of what the webhook can do, for so long: does it stay as it was? It fails if memory, the event loop's delay, file
descriptors or sockets grow. Figures, and all samples, go to FILE as well (.results/soak.json).`;

/** The heap that Node.js takes in a container of 512 MiB, as the manifests have it. */
const HEAP = '--max-old-space-size=256';
const IMAGES = 2_000;
const SAMPLE_MS = 5_000;
/** The load comes in so many pieces a second. */
const PIECES = 20;
const FULL_SPEED_MS = 10_000;
/** The first part of the time isn't looked at: caches fill, code is compiled, the heap finds its size. */
const SETTLING = 1 / 5;

/** What each may grow by while it is looked at. */
const bounds: Readonly<Record<keyof Sample, Bound>> = {
  resident: { share: 0.1, least: 8 },
  heap: { share: 0.1, least: 8 },
  delay: { share: 0.25, least: 5 },
  descriptors: { share: 0, least: 2 },
  sockets: { share: 0, least: 2 },
};
const units: Readonly<Record<keyof Sample, string>> = {
  resident: 'MiB resident',
  heap: 'MiB of heap in use',
  delay: 'ms event loop delay, p99',
  descriptors: 'file descriptors',
  sockets: 'sockets',
};

interface Soaked {
  /** Reviews a second: at full speed, and as they were sent. */
  readonly full: number;
  readonly half: number;
  readonly reviews: number;
  readonly registryRequests: number;
  readonly samples: readonly (Sample & { readonly at: number })[];
}

async function soak(minutes: number): Promise<Soaked> {
  await using stage = await startStage();
  await using registry = await startRegistry({ name: 'localhost' });
  await using load = startLoad();
  // The cache as it is by default: each image is asked for again once a minute.
  await using tagpin = await startTagpin(stage, {}, [HEAP]);
  const order = orderOf({
    server: tagpin,
    review: reviewOf({ images: [push(registry)] }),
    variants: IMAGES,
    expected: '"patchType":"JSONPatch"',
  });
  await load.send({ ...order, until: { requests: IMAGES } });
  const { answers, milliseconds } = await load.send({ ...order, until: { milliseconds: FULL_SPEED_MS } });
  const full = (answers / milliseconds) * 1000;
  console.error(`${Math.round(full)} reviews/s at full speed; half of that for ${minutes} min`);

  const started = performance.now();
  const end = started + minutes * 60_000;
  const failed = new AbortController();
  const sending = sendUntil(load, order, full / 2, end);
  sending.catch(() => failed.abort());
  const samples: Soaked['samples'][number][] = [];
  let registryRequests = 0;
  for (let at = started + SAMPLE_MS; at <= end && !failed.signal.aborted; at += SAMPLE_MS) {
    // Whatever went wrong is told by those who send.
    await delay(at - performance.now(), undefined, { signal: failed.signal }).catch(() => undefined);
    samples.push({ at: (performance.now() - started) / 1000, ...(await look(tagpin)) });
    registryRequests += registry.requests.entries.length;
    registry.requests.clear();
    stage.api.requests.clear();
  }
  const reviews = await sending;
  const half = reviews / ((performance.now() - started) / 1000);
  return { full, half, reviews, registryRequests, samples };
}

function push(registry: Registry): string {
  const pushed = image();
  for (let number = 0; number < IMAGES; number++)
    registry.push(`shop/web-${String(number).padStart(MARK.length, '0')}`, '1.27', pushed);
  return `${registry.host}/shop/web-${MARK}:1.27`;
}

/** Sends so many reviews a second. Returns how many it were. */
async function sendUntil(
  load: Load,
  order: Omit<Order, 'until'>,
  rate: number,
  end: number,
): Promise<number> {
  const requests = Math.max(1, Math.round(rate / PIECES));
  let sent = 0;
  for (let next = performance.now(); Math.max(next, performance.now()) < end; next += 1000 / PIECES) {
    await delay(Math.max(0, next - performance.now()));
    await load.send({ ...order, until: { requests } });
    sent += requests;
  }
  return sent;
}

async function look({ pid, healthPort }: Tagpin): Promise<Sample> {
  const metrics = await health({ healthPort }, '/metrics');
  return sampleOf(pid, metrics?.text ?? '');
}

const round = (value: number) => value.toFixed(1);

function show(trends: readonly (readonly [keyof Sample, Trend])[]): string {
  const head = ['', 'middle', 'most', 'growth', 'allowed', ' '];
  const rows = trends.map(([name, { middle, most, growth, allowed, flat }]) => [
    units[name],
    ...[middle, most, growth, allowed].map(round),
    flat ? '✔' : '✘',
  ]);
  return table(head, rows, ['middle', 'most', 'growth', 'allowed']);
}

const names = ['resident', 'heap', 'delay', 'descriptors', 'sockets'] as const;

async function main(minutes: number, file: string): Promise<boolean> {
  const soaked = await soak(minutes);
  const looked = soaked.samples.filter(({ at }) => at > minutes * 60 * SETTLING);
  const trends = names.map((name) => {
    const points = looked.map(({ at, [name]: value }) => ({ at, value }));
    return [name, trendOf(points, bounds[name])] as const;
  });
  console.log(show(trends));
  const { full, half, reviews, registryRequests } = soaked;
  console.log(
    `${reviews} reviews, ${Math.round(half)}/s of ${Math.round(full)}/s; ${registryRequests} registry requests`,
  );
  mkdirSync(dirname(file), { recursive: true });
  const report = { node: process.version, minutes, trends: Object.fromEntries(trends), ...soaked };
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return trends.every(([, { flat }]) => flat);
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    json: { type: 'string', default: '.results/soak.json' },
    help: { type: 'boolean', default: false },
  },
});
// Whatever was started is ended with it.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
const minutes = Number(values.minutes);
if (values.help) console.log(usage);
else if (Number.isNaN(minutes) || minutes < 1) {
  console.error(`--minutes ${values.minutes}: write a number from 1 up\n\n${usage}`);
  process.exitCode = 2;
} else {
  try {
    if (!(await main(minutes, values.json))) process.exitCode = 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 3;
  }
}
