import { expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { injectSidecars } from '../support/injector.ts';
import { createNamespace, podManifest } from '../support/namespace.ts';
import { until } from '../support/until.ts';

const cluster = readCluster();
const images = new Images(cluster);
const spec = { schedulerName: 'none' };

test('a sidecar that a webhook adds after tagpin has pinned the pod is pinned too', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const [app, sidecar] = [await images.push(), await images.push()];
  await using _ = await injectSidecars(cluster, namespace, sidecar.tagged);
  const containers = await until('the sidecar to be added', async () => {
    await succeed(namespace.apply(podManifest({ image: app.tagged, spec })));
    const pod = await namespace.pod('web');
    if (pod.spec.containers.length === 2) return pod.spec.containers;
    await succeed(namespace.kubectl(['delete', 'pod', 'web']));
    return undefined;
  });
  expect(containers.map(({ image }) => image)).toEqual([app.pinned, sidecar.pinned]);
});
