import { parseArgs } from 'node:util';
import { findBinaries } from './binaries.ts';
import { runInCluster } from './cluster/run.ts';

const usage = `npm run bench:scale -- [--nodes N] [--namespaces N] [--deployments N] [--pods N] [--replicas N]

Simulates a cluster at a real API server with its controllers and scheduler: so many nodes that only say that they run
pods (kwok), so many namespaces with credentials of their own, so many Deployments with an image and N pods each, and
replicas of tagpin. Deploys all, has all pods created again, rolls all out again; says what that asks of whom.
As root on Linux, with the programs that npm run e2e builds, and kwok:
  GOBIN=~/.cache/tagpin-e2e/bin go install sigs.k8s.io/kwok/cmd/kwok@v0.8.0
Figures go to .results/bench-scale.json as well. docs/scale.md has what came of it.`;

const number = (value: number) => ({ type: 'string', default: String(value) }) as const;
const { values } = parseArgs({
  options: {
    nodes: number(1_000),
    namespaces: number(100),
    deployments: number(1_000),
    pods: number(10),
    replicas: number(2),
    help: { type: 'boolean', default: false },
  },
});
const size = {
  nodes: Number(values.nodes),
  namespaces: Number(values.namespaces),
  deployments: Number(values.deployments),
  pods: Number(values.pods),
  replicas: Number(values.replicas),
};

if (values.help) {
  console.log(usage);
} else if (Object.values(size).some((value) => !Number.isInteger(value) || value < 1)) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    const wanted = { kwok: { name: 'kwok', variable: 'KWOK', what: 'stands in for nodes; see --help' } };
    const kwok = findBinaries(wanted).get('kwok') ?? '';
    await runInCluster({ what: 'scale', kwok, ...size }, 'bench-scale.json');
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 3;
  }
}
