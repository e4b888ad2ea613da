import { join } from 'node:path';
import { startControllers } from '../e2e/cluster/control-plane.ts';
import { step } from '../e2e/support/step.ts';
import { namespaceObjects } from '../test/support/cluster-objects.ts';
import { image } from '../test/support/registry/image.ts';
import { startRegistry } from '../test/support/registry/registry.ts';
import { nodeOf, startKwok } from './cluster/kwok.ts';
import { measurePhase } from './cluster/phases.ts';
import { startClusterStage } from './cluster/stage.ts';
import type { Figure } from './figures.ts';
import { findProgram } from './programs.ts';
import { run } from './run.ts';
import { forEach } from './stage/process.ts';
import { deploymentOf, OPTED_IN } from './stage/reviews.ts';

/** Objects that are sent at once: the API server is to be busy, not flooded. */
const AT_ONCE = 20;

const flags = {
  // Nobody renews the leases of nodes that aren't there: it would take them to be lost.
  'kube-controller-manager': ['--controllers=*,-node-lifecycle-controller'],
  'kube-scheduler': ['--kube-api-qps=1000', '--kube-api-burst=2000'],
};

/** A new node has a taint, which that controller would take off when it is ready. */
const WITHOUT_TAINTS = JSON.stringify({ spec: { taints: null } });

const counts = { nodes: 1_000, namespaces: 100, deployments: 1_000, pods: 10, replicas: 2 };

/**
 * What is asked of whom when everything is deployed, when all pods are created again and tagpin has just started, and
 * when everything is rolled out again.
 */
async function measure(size: typeof counts): Promise<Figure[]> {
  const kwok = findProgram('kwok');
  const names = Array.from({ length: size.namespaces }, (_, number) => `team-${number}`);
  const users = names.map((name) => ({ name, password: `password of ${name}`, pull: ['*'] }));
  await using registry = await startRegistry({ name: 'localhost', auth: { scheme: 'basic' }, users });
  await using stage = await startClusterStage({}, size.replicas);
  const { api, storage } = stage;
  await startControllers(join(stage.folder, 'control-plane'), stage.binaries, storage, flags);
  startKwok(kwok, storage.kubeconfig, stage.folder);
  await step(`${size.nodes} nodes`, async () => {
    const nodes = Array.from({ length: size.nodes }, (_, number) => `node-${number}`);
    await forEach(nodes, AT_ONCE, (name) => api.create('/api/v1/nodes', nodeOf(name)));
    await forEach(nodes, AT_ONCE, (name) => api.patch(`/api/v1/nodes/${name}`, WITHOUT_TAINTS));
  });
  await step(`${names.length} namespaces`, () =>
    stage.apply(
      users.flatMap(({ name, password }) =>
        namespaceObjects(name, OPTED_IN, { registry: registry.host, username: name, password }),
      ),
    ),
  );
  const pushed = image();
  const deployments = Array.from({ length: size.deployments }, (_, number) => {
    registry.push(`shop/web-${number}`, '1.27', pushed);
    const namespace = names[number % names.length] ?? '';
    const images = [`${registry.host}/shop/web-${number}:1.27`];
    const name = `web-${number}`;
    const body = JSON.stringify(deploymentOf(name, { images }, size.pods));
    return { path: `/apis/apps/v1/namespaces/${namespace}/deployments`, name, body };
  });

  const phase = (name: string, work: () => Promise<void>) =>
    measurePhase(name, stage, registry, size.deployments * size.pods, work);
  const deployed = await phase('all deployed', () =>
    forEach(deployments, AT_ONCE, ({ path, body }) => api.create(path, body)),
  );
  await stage.restartTagpin();
  const created = await phase('all pods created again, tagpin just started', () =>
    forEach(names, AT_ONCE, (name) => api.empty(`/api/v1/namespaces/${name}/pods`)),
  );
  // As kubectl rollout restart does it.
  const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
  const restart = JSON.stringify({ spec: { template: { metadata: { annotations } } } });
  const rolledOut = await phase('all rolled out again', () =>
    forEach(deployments, AT_ONCE, ({ path, name }) => api.patch(`${path}/${name}`, restart)),
  );
  return [deployed, created, rolledOut];
}

await run({
  name: 'bench-scale',
  usage: `npm run bench:scale -- [--nodes N] [--namespaces N] [--deployments N] [--pods N] [--replicas N] [--quick]

Simulates a cluster at a real API server with its controllers and scheduler: so many nodes that only say that they run
pods (kwok), so many namespaces with credentials of their own, so many Deployments with an image and N pods each, and
replicas of tagpin. Deploys all, has all pods created again, rolls all out again; says what that asks of whom.
As root on Linux, with the programs that npm run e2e builds, and kwok:
  GOBIN=~/.cache/tagpin-e2e/bin go install sigs.k8s.io/kwok/cmd/kwok@v0.8.0
Figures go to .results/bench-scale.json as well. docs/scale.md has what came of it.`,
  counts,
  quick: { nodes: 5, namespaces: 2, deployments: 4, pods: 3 },
  parts: { scale: measure },
  isolated: true,
});
