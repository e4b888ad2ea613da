import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace, type Manifest, podManifest } from '../support/namespace.ts';
import { imagesOf, listed, on, pinKeys } from '../support/rollout.ts';
import { until } from '../support/until.ts';
import {
  cronJob,
  daemonSet,
  deployment,
  job,
  replicaSet,
  replicationController,
  statefulSet,
} from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);

/** Never scheduled: these tests look only at stored objects. */
const pod = { schedulerName: 'none' };

const workloads: readonly { kind: string; manifest: (image: string) => Manifest }[] = [
  { kind: 'pod', manifest: (image) => labelled(podManifest({ image, spec: pod })) },
  { kind: 'deployment', manifest: (image) => deployment(image, { pod }) },
  { kind: 'statefulset', manifest: (image) => statefulSet(image, { pod }) },
  { kind: 'daemonset', manifest: (image) => daemonSet(image, { pod }) },
  { kind: 'replicaset', manifest: (image) => replicaSet(image, { pod }) },
  { kind: 'replicationcontroller', manifest: (image) => replicationController(image, { pod }) },
  {
    kind: 'job',
    manifest: (image) => job(image, { pod: { ...pod, containers: [{ name: 'app', image }] } }),
  },
  { kind: 'cronjob', manifest: (image) => cronJob(image) },
];

const labelled = (manifest: Manifest): Manifest => ({
  ...manifest,
  metadata: { name: 'web', labels: { app: 'web' } },
});

const objectSchema = z.looseObject({ metadata: z.looseObject({ resourceVersion: z.string() }) });

/** The object without the fields that differ between its versions. */
function substance(text: string): unknown {
  const { metadata, ...rest } = objectSchema.parse(JSON.parse(text));
  const { resourceVersion: _, ...kept } = metadata;
  return { ...rest, metadata: kept };
}

describe.concurrent.each(workloads)('a GitOps tool sees no difference in a $kind:', ({ kind, manifest }) => {
  for (const how of ['client side', 'server side'] as const)
    test(how, async () => {
      await using namespace = await createNamespace(cluster, 'enforce');
      const app = await images.push();
      const input = JSON.stringify(manifest(app.tagged));
      const flags = how === 'server side' ? ['--server-side'] : [];
      const kubectl = (...args: string[]) => namespace.kubectl([...args, '--filename', '-'], input);
      await succeed(kubectl('apply', ...flags));
      if (kind !== 'cronjob') {
        await until('its pods to be there', async () => (await imagesOf(namespace)).length > 0 || undefined);
        expect(await imagesOf(namespace)).toEqual([app.pinned]);
      }
      await images.move(app);

      const diff = await kubectl('diff', ...flags);
      expect(diff).toMatchObject({ code: 0, stdout: '' });
      const before = await on(namespace, 'get', kind, 'web', '--output=json');
      const tried = await succeed(kubectl('apply', ...flags, '--dry-run=server', '--output=json'));
      expect(substance(tried)).toEqual(substance(before));

      await succeed(kubectl('apply', ...flags));
      if (kind !== 'cronjob') expect(await imagesOf(namespace)).toEqual([app.pinned]);
      // the objects that store pins still have them
      if (kind === 'replicaset' || kind === 'job') {
        const [stored] = await listed(namespace, kind);
        expect(stored && pinKeys(stored)).toHaveLength(1);
      }
    });
});
