import { parseArgs } from 'node:util';
import { runInCluster } from './cluster/run.ts';

const usage = `npm run bench:cluster -- [--rounds N] [--quick]

Creates pods at a real API server, by 4 and by 50 at once: without a webhook, with one in Node that does nothing, and
with tagpin (digests stored, in its cache, asked of a registry), all in turn; medians of N rounds (7). As root on Linux,
with the programs that npm run e2e builds. Figures go to .results/bench-cluster.json as well.`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const rounds = values.quick ? 1 : Number(values.rounds);

if (values.help) {
  console.log(usage);
} else if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(usage);
  process.exitCode = 2;
} else {
  const loads = [
    { atOnce: 4, pods: values.quick ? 40 : 200 },
    { atOnce: 50, pods: values.quick ? 100 : 400 },
  ];
  try {
    await runInCluster({ what: 'creates', rounds, loads }, 'bench-cluster.json');
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 3;
  }
}
