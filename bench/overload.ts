import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { image } from '../test/support/registry/image.ts';
import { startRegistry } from '../test/support/registry/registry.ts';
import { type Figures, flood } from './flood.ts';
import type { Pods } from './large-pods.ts';
import { fromBundle, startStage } from './overload-stage.ts';
import { table } from './table.ts';

const usage = `npm run bench:overload -- [-o json]

What tagpin does with more than it can do, in one process as in its image, with the heap that Node.js takes in 512 MiB: how many reviews
are answered in time, how many are sent back and come again, how long its health takes to be told, and its memory.`;

const KIB = 1024;
const MIB = 1024 * KIB;
/** What one API server has under way at most (kube-apiserver --max-requests-inflight, --max-mutating-requests-inflight). */
const ALL_SEATS = 600;
const IMAGES = 100_000;

async function bench(): Promise<[string, Figures][]> {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-overload-'));
  await using registry = await startRegistry();
  const built = image();
  for (let n = 0; n < IMAGES; n++) registry.push(`app-${n}`, '1', built);
  const rows: [string, Figures][] = [];
  const run = async (what: string, atOnce: number, pods: Partial<Pods>, fault?: typeof registry.fault) => {
    // A process for each: what the ones before held says nothing about this one.
    const settings = { cache: { entries: 2 * IMAGES, age: '1h' } };
    await using stage = await startStage(folder, settings, fromBundle);
    const all = { host: registry.host, containers: 1, bytes: 6 * KIB, from: 0, images: 100 };
    const warm = { ...all, count: 1, containers: 100 };
    await flood(stage.webhook, stage.ca, { pods: warm, atOnce: 1, timeout: 10_000 });
    registry.fault = fault;
    const figures = await flood(stage.webhook, stage.ca, {
      pods: { ...all, count: atOnce, ...pods },
      atOnce,
      timeout: 10_000,
    });
    registry.fault = undefined;
    rows.push([what, figures]);
  };
  try {
    await run('6 KiB, 600 at once', ALL_SEATS, { count: 3_000 });
    await run('1 MiB, 100 containers, 50 at once', 50, { count: 200, containers: 100, bytes: MIB });
    await run('1 MiB, 100 containers, 600 at once', ALL_SEATS, { containers: 100, bytes: MIB });
    await run('100 containers, 100,000 images, 4 at once', 4, {
      count: IMAGES / 100,
      containers: 100,
      bytes: 0,
      images: IMAGES,
    });
    const unknown = { from: 100, images: ALL_SEATS };
    await run('6 KiB, 600 at once, the registry hangs', ALL_SEATS, unknown, { outcome: 'hang' });
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const numbers = [
  'allowed',
  'refused',
  'failed',
  'unanswered',
  'sentBack',
  'median',
  'slowest',
  'slowestHealth',
  'peak',
] as const;

function show(rows: readonly [string, Figures][]): string {
  const head = [
    '',
    'allowed',
    'refused',
    'failed',
    'unanswered',
    'sent back',
    'median ms',
    'slowest ms',
    'health ms',
    'peak MiB',
  ];
  const cells = rows.map(([what, figures]) => [
    what,
    ...numbers.map((name) => String(Math.round(figures[name]))),
  ]);
  return table(head, cells, head.slice(1));
}

const { values } = parseArgs({
  options: { output: { type: 'string', short: 'o' }, help: { type: 'boolean', default: false } },
});
if (values.help) console.log(usage);
else {
  const rows = await bench();
  console.log(values.output === 'json' ? JSON.stringify(Object.fromEntries(rows), undefined, 2) : show(rows));
}
