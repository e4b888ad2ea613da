import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import { createNamespace, type Namespace, podManifest } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';

const cluster = readCluster();
const { kubectl, ...installation } = installationOf(cluster);
const images = new Images(cluster);

/** Tries until the API server admits a pod under `enforce` by its tag. Returns how many seconds that took. */
async function untilPodsStart(namespace: Namespace, tagged: string): Promise<number> {
  const started = performance.now();
  const image = 'jsonpath={.spec.containers[0].image}';
  const dryRun = ['create', '--dry-run=server', '--filename', '-', '--output', image];
  const attempts: string[] = [];
  await until(
    'a pod to be let in by its tag',
    async () => {
      const pod = JSON.stringify(podManifest({ image: tagged }));
      const { stdout, stderr } = await namespace.kubectl(dryRun, pod);
      attempts.push(stdout + stderr);
      return stdout === tagged || undefined;
    },
    { timeout: 120_000, every: 500, seen: () => attempts.at(-1) ?? '' },
  );
  const took = Math.round((performance.now() - started) / 1000);
  await succeed(namespace.apply(podManifest({ image: tagged })));
  return took;
}

async function setUp() {
  const namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  await succeed(namespace.apply(podManifest({ name: 'before', image: app.tagged })));
  await namespace.running('before');
  return { namespace, app };
}

describe('removed', () => {
  afterEach(() => installation.restore(), 180_000);

  test('as it was installed, tagpin leaves nothing, and pods start', async () => {
    const { namespace, app } = await setUp();
    await using _ = namespace;
    await succeed(kubectl('delete', '--kustomize', installation.folder, '--timeout=120s'));
    const took = await untilPodsStart(namespace, app.tagged);
    await namespace.running('web');
    expect(took).toBeLessThan(5);
    expect((await namespace.pod('before')).spec.containers[0]?.image).toBe(app.pinned);
    const kinds = 'clusterroles,clusterrolebindings,mutatingwebhookconfigurations,namespaces';
    const left = await succeed(kubectl('get', kinds, '--output=name'));
    expect(left.split('\n').filter((name) => name.includes('tagpin'))).toEqual([]);
  }, 300_000);

  test('by its namespace alone, tagpin takes the webhook configuration with it, and pods start', async () => {
    const { namespace, app } = await setUp();
    await using _ = namespace;
    await succeed(kubectl('delete', 'namespace', 'tagpin-system', '--wait=false'));
    const took = await untilPodsStart(namespace, app.tagged);
    console.log(`pods started ${took} s after the namespace was deleted`);
    // 20 s of it are the drain of its own pods
    expect(took).toBeLessThan(90);
    await namespace.running('web');
    await namespace.running('web');
    expect(await installation.hasWebhookConfiguration()).toBe(false);
  }, 300_000);

  test('Deployment first, pods are refused until the rest is deleted', async () => {
    const { namespace, app } = await setUp();
    await using _ = namespace;
    await succeed(kubectl('delete', 'deployment', 'tagpin', '--cascade=foreground', '--timeout=120s'));
    const refused = await namespace.apply(podManifest({ image: app.tagged }));
    expect(refused.stderr).toContain('failed calling webhook "enforce.tagpin.dev"');
    await succeed(
      kubectl('delete', '--kustomize', installation.folder, '--timeout=120s', '--ignore-not-found'),
    );
    expect(await untilPodsStart(namespace, app.tagged)).toBeLessThan(5);
    await namespace.running('web');
  }, 300_000);
});

test('installed again, tagpin pins again, and its webhook configuration belongs to its new namespace', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  await succeed(namespace.apply(podManifest({ image: app.tagged, spec: { schedulerName: 'none' } })));
  expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
  const uid = await succeed(
    kubectl('get', 'namespace', 'tagpin-system', '--output=jsonpath={.metadata.uid}'),
  );
  const owners = await until('the owner', async () => {
    const text = await succeed(
      kubectl(
        'get',
        'mutatingwebhookconfiguration',
        'tagpin',
        '--output=jsonpath={.metadata.ownerReferences}',
      ),
    );
    return text === '' ? undefined : z.array(z.looseObject({ uid: z.string() })).parse(JSON.parse(text));
  });
  expect(owners.map((owner) => owner.uid)).toEqual([uid]);
});
