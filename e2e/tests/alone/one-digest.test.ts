import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { blocksOf, readerOf } from '../../support/document.ts';
import { Images, type PushedImage } from '../../support/images.ts';
import { patchPods, rewriting } from '../../support/injector.ts';
import { installationOf } from '../../support/installation.ts';
import { compose } from '../../support/kustomization.ts';
import { createNamespace, type Manifest, type Namespace } from '../../support/namespace.ts';
import { preflightOf, resultsOf } from '../../support/preflight.ts';
import { havePods, imagesOf, on, rolledOut } from '../../support/rollout.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { deployment } from '../../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const installation = installationOf(cluster);
const tagpin = tagpinOf(cluster);
const { kubectl } = installation;
const reader = readerOf(cluster, installation.folder);
const [deleteOld] = blocksOf('docs/install.md', 'called-first').map(({ commands }) => commands);

/** tagpin's configuration with these settings of `pin`. */
const settings = (pin: Manifest): Manifest => ({
  patch: stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'tagpin-config', namespace: 'tagpin-system' },
    data: { 'more.yaml': stringify({ pin }) },
  }),
});

async function install(components: readonly string[], pin: Manifest = {}): Promise<void> {
  const folder = compose(cluster, { base: installation.folder, components, patches: [settings(pin)] });
  await succeed(kubectl('apply', '--kustomize', folder));
  await succeed(kubectl('rollout', 'status', 'deployment/tagpin', '--timeout=90s'));
}

/**
 * A rollout, a policy older than the pods to come that writes what the tag is now into them, by tag and digest, and one more pod.
 */
async function verified() {
  const namespace = await createNamespace(cluster, 'enforce');
  const first = await images.push();
  await succeed(namespace.apply(deployment(first.tagged, { replicas: 1, pod: { schedulerName: 'none' } })));
  await havePods(namespace, 1, { phase: 'Pending' });
  const second = await images.move(first);
  const verify = rewriting((image) => (image.includes('@') ? image : `${image}@${second.digest}`));
  await using _ = await patchPods(cluster, namespace, 'before tagpin', verify);
  await on(namespace, 'scale', 'deployment/web', '--replicas=2');
  await havePods(namespace, 2, { phase: 'Pending' });
  const seen = await imagesOf(namespace);
  return { first, second, seen, [Symbol.asyncDispose]: namespace[Symbol.asyncDispose] };
}

let skipped: Namespace;
let skippedApp: PushedImage;

afterAll(async () => {
  await skipped[Symbol.asyncDispose]();
  await kubectl('delete', 'mutatingwebhookconfiguration', '0-tagpin');
  await installation.restore();
}, 180_000);

describe('while the configuration skips an image, and has other digests replaced,', () => {
  beforeAll(async () => {
    skipped = await createNamespace(cluster, 'enforce');
    skippedApp = await images.push();
    await install(['other-digests'], { skip: [skippedApp.name], otherDigest: 'stored' });
  }, 150_000);

  test("a webhook that writes what the tag is now into pods has its digest replaced by the rollout's", async () => {
    await using at = await verified();
    expect(at.seen).toEqual([at.first.pinned]);
    expect(await tagpin.metric('tagpin_other_digests_total', 'mode="enforce",outcome="replaced"')).toBe(1);
  }, 90_000);

  test('a rollout begins with that image by tag', async () => {
    await succeed(skipped.apply(deployment(skippedApp.tagged)));
    await rolledOut(skipped);
    expect(await imagesOf(skipped)).toEqual([skippedApp.tagged]);
  }, 90_000);
});

describe('with a name that sorts first, and without that configuration,', () => {
  beforeAll(async () => {
    await install(['called-first']);
    await succeed(reader.run(deleteOld ?? 'false'));
  }, 150_000);

  test("tagpin is called first, and the rollout's digest is what others verify", async () => {
    await using at = await verified();
    expect(at.seen).toEqual([at.first.pinned]);
  }, 90_000);

  test('new pods of the rollout have the digest that its pods run by tag', async () => {
    for (const replicas of [3, 4]) {
      await images.move(skippedApp);
      await on(skipped, 'scale', 'deployment/web', `--replicas=${replicas}`);
      await havePods(skipped, replicas);
    }
    expect(await imagesOf(skipped)).toEqual([skippedApp.tagged, skippedApp.pinned].sort());
  }, 90_000);

  test('its replicas keep the CA of the configuration, and preflight finds it', async () => {
    const bundles = ['mutatingwebhookconfiguration', '0-tagpin', '--type=json'];
    const remove = [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }];
    await succeed(kubectl('patch', ...bundles, `--patch=${JSON.stringify(remove)}`));
    const caBundle = '--output=jsonpath={.webhooks[0].clientConfig.caBundle}';
    await expect
      .poll(async () => (await kubectl('get', 'mutatingwebhookconfiguration', '0-tagpin', caBundle)).stdout, {
        timeout: 60_000,
      })
      .not.toBe('');
    await using namespace = await createNamespace(cluster, 'enforce');
    const results = resultsOf((await preflightOf(cluster)(namespace.name)).report);
    expect(Object.values(results)).not.toContain('problem');
  }, 90_000);
});
