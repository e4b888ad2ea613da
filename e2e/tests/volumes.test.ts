import { expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace, podManifest } from '../support/namespace.ts';
import { until } from '../support/until.ts';

const cluster = readCluster();
const images = new Images(cluster);

const outcome = cluster.runsImageVolumes
  ? 'and mounted by digest'
  : "and asked of the runtime by digest, which this version of containerd can't mount";

test(`an image volume is stored by digest, ${outcome}`, async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const [app, data] = await Promise.all([images.push(), images.push()]);
  const spec = { volumes: [{ name: 'data', image: { reference: data.tagged, pullPolicy: 'Always' } }] };
  const container = { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  await succeed(namespace.apply(podManifest({ image: app.tagged, container, spec })));
  const stored = (await namespace.pod('web')).spec.volumes.find(({ name }) => name === 'data');
  expect(stored?.image).toEqual({ reference: data.pinned, pullPolicy: 'IfNotPresent' });
  if (cluster.runsImageVolumes) await namespace.running('web');
  else {
    await until('the kubelet to pull the volume by its digest', async () => {
      const { stdout } = await namespace.kubectl([
        'get',
        'events',
        '--output',
        'jsonpath={.items[*].message}',
      ]);
      return stdout.includes(data.pinned) ? true : undefined;
    });
  }
});
