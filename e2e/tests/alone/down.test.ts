import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { run, succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { createNamespace, podManifest } from '../../support/namespace.ts';

const cluster = readCluster();
const images = new Images(cluster);
const kubectl = (...args: string[]) =>
  succeed(
    run([cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, '-n', 'tagpin-system', ...args]),
  );
const spec = { schedulerName: 'none' };

describe('while tagpin is down', () => {
  beforeAll(async () => {
    await kubectl('scale', 'deployment/tagpin', '--replicas=0');
    await kubectl(
      'wait',
      'pods',
      '--selector=app.kubernetes.io/name=tagpin',
      '--for=delete',
      '--timeout=60s',
    );
  }, 90_000);
  afterAll(async () => {
    await kubectl('scale', 'deployment/tagpin', '--replicas=2');
    await kubectl('rollout', 'status', 'deployment/tagpin', '--timeout=60s');
  }, 90_000);

  test('enforce refuses pods, by the API server', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    const { code, stderr } = await namespace.apply(podManifest({ image: app.tagged, spec }));
    expect(code).not.toBe(0);
    expect(stderr).toContain('failed calling webhook "enforce.tagpin.dev"');
  });

  for (const mode of ['best-effort', 'audit'] as const)
    test(`${mode} admits them as they are`, async () => {
      await using namespace = await createNamespace(cluster, mode);
      const app = await images.push();
      await succeed(namespace.apply(podManifest({ image: app.tagged, spec })));
      expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.tagged);
    });
});

test('enforce pins again once tagpin is back', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  await succeed(namespace.apply(podManifest({ image: app.tagged, spec })));
  expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
});
