import type { Registry } from '../test/support/registry/registry.ts';
import type { Figure } from './figures.ts';
import { run } from './run.ts';
import { type Flood, flood } from './stage/flood.ts';
import { startStage } from './stage/stage.ts';
import { CONTAINER_HEAP } from './stage/tagpin.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** What one API server has under way at most (kube-apiserver --max-requests-inflight, --max-mutating-requests-inflight). */
const ALL_SEATS = 600;
const IMAGES = 100_000;

type Row = [name: string, flood: Omit<Flood, 'reference'>, fault?: Registry['fault']];
const small = { atOnce: ALL_SEATS, images: 100, bytes: 6 * KIB };
const large = { containers: 100, images: 100, bytes: MIB };
const rows: Row[] = [
  ['6 KiB, 600 at once', { ...small, pods: 3_000 }],
  ['1 MiB, 100 containers, 50 at once', { ...large, pods: 200, atOnce: 50 }],
  ['1 MiB, 100 containers, 600 at once', { ...large, pods: ALL_SEATS, atOnce: ALL_SEATS }],
  [
    '100 containers, 100,000 images, 4 at once',
    { pods: IMAGES / 100, atOnce: 4, containers: 100, images: IMAGES },
  ],
  [
    '6 KiB, 600 at once, the registry hangs',
    { ...small, pods: ALL_SEATS, from: 100, images: ALL_SEATS },
    { outcome: 'hang' },
  ],
];

async function measure([name, task, fault]: Row): Promise<Figure> {
  // A process for each: what those before held says nothing about this one.
  await using stage = await startStage();
  const reference = stage.push(IMAGES);
  const settings = { cache: { entries: 2 * IMAGES, age: '1h' } };
  const webhook = await stage.tagpin({ settings, nodeOptions: [CONTAINER_HEAP] });
  await flood(webhook, { reference, pods: 1, atOnce: 1, containers: 100, images: 100 });
  stage.registry.fault = fault;
  const { allowed, refused, ...detail } = await flood(webhook, { ...task, reference });
  const target = { atLeast: task.pods };
  return { name: `answered in time: ${name}`, value: allowed + refused, unit: 'pods', target, detail };
}

await run({
  name: 'bench-overload',
  usage: `npm run bench:overload

What tagpin does with more than it can do, in one process as in its image, with the heap that Node.js takes in 512 MiB:
how many reviews are answered in time, how many are sent back and come again, how long its health takes to be told, and
its memory. Figures go to .results/bench-overload.json as well.`,
  counts: {},
  parts: Object.fromEntries(rows.map((row) => [row[0], async () => [await measure(row)]])),
});
