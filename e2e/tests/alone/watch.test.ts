import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import { compose } from '../../support/kustomization.ts';
import { createNamespace } from '../../support/namespace.ts';
import { havePods, rolledOut } from '../../support/rollout.ts';
import { until } from '../../support/until.ts';
import { deployment } from '../../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const { kubectl, folder } = installationOf(cluster);

const podSpec = z.looseObject({
  containers: z.array(z.looseObject({ image: z.string() })),
  hostAliases: z.unknown(),
});

/** The component's Deployment with tagpin's image and configuration, and an audit every second. */
async function watchPatch() {
  const webhook = await succeed(
    kubectl('get', 'deployment', 'tagpin', '--output=jsonpath={.spec.template.spec}'),
  );
  const { containers, hostAliases } = podSpec.parse(JSON.parse(webhook));
  const mount = { name: 'config', mountPath: '/etc/tagpin', readOnly: true };
  const container = {
    name: 'watch',
    image: containers[0]?.image,
    args: ['watch', '--interval', '1s', '--registry-config', '/etc/tagpin/config.yaml'],
    volumeMounts: [mount],
  };
  const volumes = [{ name: 'config', configMap: { name: 'tagpin-config' } }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'tagpin-watch', namespace: 'tagpin-system' },
    spec: { template: { spec: { hostAliases, volumes, containers: [container] } } },
  };
}

async function metric(name: string, ...labels: string[]): Promise<number | undefined> {
  const proxied = '/api/v1/namespaces/tagpin-system/services/tagpin-watch:watch-metrics/proxy/metrics';
  const { stdout } = await kubectl('get', '--raw', proxied);
  const line = stdout
    .split('\n')
    .find((each) => each.startsWith(name) && labels.every((label) => each.includes(label)));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
}

test('the component watch counts, as the audit does, what is unpinned and what has moved', async () => {
  const patch = stringify(await watchPatch());
  const composed = compose(cluster, { base: folder, components: ['watch'], patches: [{ patch }] });
  try {
    await succeed(kubectl('apply', '--kustomize', composed));
    await succeed(kubectl('rollout', 'status', 'deployment/tagpin-watch', '--timeout=60s'));
    await using namespace = await createNamespace(cluster);
    const app = await images.push();
    await succeed(namespace.apply(deployment(app.tagged, { replicas: 1 })));
    await rolledOut(namespace);
    await havePods(namespace, 1);
    const label = `namespace="${namespace.name}"`;
    const found = (finding: string) => metric('tagpin_watch_images_found', label, `finding="${finding}"`);
    await until('the pod to be counted', async () => ((await found('unpinned')) === 1 ? true : undefined));
    expect(await found('drift')).toBe(0);
    await images.move(app);
    await until('the drift to be counted', async () => ((await found('drift')) === 1 ? true : undefined));
    expect(await metric('tagpin_watch_failed')).toBe(0);
  } finally {
    await kubectl('delete', 'deployment,service,serviceaccount', 'tagpin-watch');
    await kubectl('delete', 'clusterrole,clusterrolebinding', 'tagpin-watch');
  }
}, 240_000);
