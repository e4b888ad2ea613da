import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { type Effort, type Figure, isMet, printFigures, type Subject, subjects } from './figure.ts';
import { measureFootprint } from './footprint.ts';
import { measureGrowth } from './growth.ts';
import { measureRequests } from './requests.ts';
import { measureThroughput } from './throughput.ts';

const usage = `npm run bench -- [--only ${subjects.join('|')}]... [--rounds N] [--quick] [--json FILE]

Measures the bundle side by side with what it is compared to, in one run on loopback: medians of N rounds (9), in which
all take turns. With --quick, a little of everything: whether it works, not how fast it is.
DIGESTER=/path/to/digester compares with k8s-digester too. Figures go to FILE as well (.results/bench.json).`;

const measures: Readonly<Record<Subject, (effort: Effort) => Promise<Figure[]>>> = {
  throughput: (effort) => measureThroughput(effort, process.env['DIGESTER'] || undefined),
  growth: measureGrowth,
  footprint: measureFootprint,
  requests: measureRequests,
};

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [...subjects] },
    rounds: { type: 'string', default: '9' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string', default: '.results/bench.json' },
    help: { type: 'boolean', default: false },
  },
});
// Whatever was started is ended with it.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

const rounds = Number(values.rounds);
const wanted = subjects.filter((subject) => values.only.includes(subject));
if (values.help) {
  console.log(usage);
} else if (!Number.isInteger(rounds) || rounds < 1 || wanted.length < values.only.length) {
  console.error(usage);
  process.exitCode = 2;
} else {
  const effort = values.quick
    ? { rounds: 1, milliseconds: 300, scale: 0.01 }
    : { rounds, milliseconds: 1500, scale: 1 };
  try {
    const figures: Figure[] = [];
    for (const subject of wanted) figures.push(...(await measures[subject](effort)));
    console.log(printFigures(figures));
    mkdirSync(dirname(values.json), { recursive: true });
    const report = {
      node: process.version,
      effort,
      figures: figures.map((figure) => ({ ...figure, met: isMet(figure) })),
    };
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 3;
  }
}
