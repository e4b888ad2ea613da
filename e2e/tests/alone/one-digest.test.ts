import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { blocksOf, readerOf } from '../../support/document.ts';
import { Images } from '../../support/images.ts';
import { patchPods, rewriting } from '../../support/injector.ts';
import { installationOf } from '../../support/installation.ts';
import { compose } from '../../support/kustomization.ts';
import { createNamespace, type Manifest } from '../../support/namespace.ts';
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
const [adoptName] = blocksOf('docs/install.md', 'called-first').map(({ commands }) => commands);

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

afterAll(async () => {
  await kubectl('delete', 'mutatingwebhookconfiguration', '0-tagpin');
  await installation.restore();
}, 180_000);

describe('a webhook that writes what the tag is now into pods', () => {
  test('called before tagpin, is seen, counted and left, by default', async () => {
    await install(['other-digests']);
    await using at = await verified();
    expect(at.seen).toEqual([at.first.pinned, `${at.first.tagged}@${at.second.digest}`].sort());
    expect(await tagpin.metric('tagpin_other_digests_total', 'mode="enforce",outcome="kept"')).toBe(1);
  }, 150_000);

  test("called before tagpin, has its digest replaced by the rollout's, if so configured", async () => {
    await install(['other-digests'], { otherDigest: 'stored' });
    await using at = await verified();
    expect(at.seen).toEqual([at.first.pinned]);
  }, 150_000);
});

test('an image that the configuration skipped when its rollout began has the digest that its pods run, once it is pinned', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const first = await images.push();
  await install([], { skip: [first.name] });
  await succeed(namespace.apply(deployment(first.tagged)));
  await rolledOut(namespace);
  expect(await imagesOf(namespace)).toEqual([first.tagged]);
  await install([]);
  for (const replicas of [3, 4]) {
    await images.move(first);
    await on(namespace, 'scale', 'deployment/web', `--replicas=${replicas}`);
    await havePods(namespace, replicas);
  }
  expect(await imagesOf(namespace)).toEqual([first.tagged, first.pinned].sort());
}, 240_000);

describe('with a name that sorts first', () => {
  beforeAll(async () => {
    await install(['called-first']);
    await succeed(reader.run(adoptName ?? 'false'));
  }, 150_000);

  test("tagpin is called first, and the rollout's digest is what others verify", async () => {
    await using at = await verified();
    expect(at.seen).toEqual([at.first.pinned]);
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
