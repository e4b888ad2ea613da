import { join } from 'node:path';
import { startControllers } from '../../e2e/cluster/control-plane.ts';
import type { Binaries } from '../../e2e/machine/binaries.ts';
import { step } from '../../e2e/support/step.ts';
import { image } from '../../test/support/registry/image.ts';
import { startRegistry } from '../../test/support/registry/registry.ts';
import type { Figure } from '../figure.ts';
import { Creator } from './creating.ts';
import { startKwok } from './kwok.ts';
import { deploymentOf, nodeOf, pullSecretOf, rolloutRestart } from './objects.ts';
import { Phases } from './phases.ts';
import type { Scale } from './settings.ts';
import { startClusterStage } from './stage.ts';

/** Objects that are sent at once: the API server is to be busy, not flooded. */
const AT_ONCE = 20;

const flags = {
  // Nobody renews the leases of nodes that aren't there: it would take them to be lost.
  'kube-controller-manager': ['--controllers=*,-node-lifecycle-controller'],
  'kube-scheduler': ['--kube-api-qps=1000', '--kube-api-burst=2000'],
};

/** A new node has a taint, which that controller would take off when it is ready. */
const WITHOUT_TAINTS = JSON.stringify({ spec: { taints: null } });

/**
 * A cluster of nodes that only say that they run pods, at a real API server with its controllers and scheduler: what is
 * asked of whom when everything is deployed, when all pods are created again and tagpin has just started, and when
 * everything is rolled out again.
 */
export async function measureScale(directory: string, binaries: Binaries, scale: Scale): Promise<Figure[]> {
  const names = Array.from({ length: scale.namespaces }, (_, number) => `team-${number}`);
  const users = names.map((name) => ({ name, password: `password of ${name}`, pull: ['*'] }));
  await using registry = await startRegistry({ name: 'localhost', auth: { scheme: 'basic' }, users });
  const at = (name: string) => join(directory, name);
  await using stage = await startClusterStage(at('cluster'), binaries, {}, scale.replicas);
  await using creator = new Creator(stage.kubeconfig);
  await startControllers(at('cluster/control-plane'), binaries, stage.storage, flags);
  startKwok(scale.kwok, stage.kubeconfig, directory);
  await step(`${scale.nodes} nodes`, async () => {
    const nodes = Array.from({ length: scale.nodes }, (_, number) => `node-${number}`);
    await creator.createAll('/api/v1/nodes', nodes.map(nodeOf), AT_ONCE);
    await creator.each(nodes, AT_ONCE, (name) => creator.patch(`/api/v1/nodes/${name}`, WITHOUT_TAINTS));
  });
  await step(`${names.length} namespaces`, async () => {
    for (const { name, password } of users) {
      await stage.addNamespace(name, { 'tagpin.dev/pin': 'enforce' }, 'login');
      const secret = pullSecretOf(name, registry.host, name, password);
      await creator.create(`/api/v1/namespaces/${name}/secrets`, secret);
    }
  });
  const pushed = image();
  const deployments = Array.from({ length: scale.deployments }, (_, number) => {
    registry.push(`shop/web-${number}`, '1.27', pushed);
    const namespace = names[number % names.length] ?? '';
    const body = deploymentOf(number, namespace, `${registry.host}/shop/web-${number}:1.27`, scale.pods);
    return { path: `/apis/apps/v1/namespaces/${namespace}/deployments`, name: `web-${number}`, body };
  });

  const phases = new Phases(stage, creator, registry, scale.deployments * scale.pods);
  await phases.run('all deployed', () =>
    creator.each(deployments, AT_ONCE, async ({ path, body }) => void (await creator.create(path, body))),
  );
  await stage.restartTagpin();
  await phases.run('all pods created again, tagpin just started', () =>
    creator.each(names, AT_ONCE, (name) => creator.empty(`/api/v1/namespaces/${name}/pods`)),
  );
  const restart = rolloutRestart(new Date().toISOString());
  await phases.run('all rolled out again', () =>
    creator.each(deployments, AT_ONCE, ({ path, name }) => creator.patch(`${path}/${name}`, restart)),
  );
  return phases.figures;
}
