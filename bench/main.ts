import { measureFootprint } from './footprint.ts';
import { measureGrowth } from './growth.ts';
import { measureRequests } from './requests.ts';
import { run } from './run.ts';
import { measureThroughput } from './throughput.ts';

await run({
  name: 'bench',
  usage: `npm run bench -- [--only throughput|growth|footprint|requests]... [--rounds N] [--quick]

Measures the bundle side by side with what it is compared to, in one run on loopback: medians of N rounds (9), in which
all take turns. With --quick, a little of everything: whether it works, not how fast it is. Figures go to
.results/bench.json as well.`,
  counts: { rounds: 9, milliseconds: 1500, percent: 100 },
  quick: { rounds: 1, milliseconds: 300, percent: 1 },
  parts: {
    throughput: measureThroughput,
    growth: measureGrowth,
    footprint: measureFootprint,
    requests: measureRequests,
  },
});
