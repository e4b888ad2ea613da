import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { blocksOf, readerOf } from '../../support/document.ts';
import { Images, type PushedImage } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import { compose } from '../../support/kustomization.ts';
import { createNamespace, podManifest } from '../../support/namespace.ts';
import { tagpinOf } from '../../support/tagpin.ts';

const cluster = readCluster();
const installation = installationOf(cluster);
const { kubectl } = installation;
const tagpin = tagpinOf(cluster);
const images = new Images(cluster);
const reader = readerOf(cluster, installation.folder);
const sh = (commands: string) => succeed(reader.run(commands));
const [undo, check] = blocksOf('docs/operations.md', 'undo').map(({ commands }) => commands);
const [rollback] = blocksOf('docs/operations.md', 'undo-helm').map(({ commands }) => commands);
let app: PushedImage;

const rolledOut = 'kubectl -n tagpin-system rollout status deployment/tagpin --timeout=90s';
const ABSENT = '/etc/tagpin/absent.json';
/** `tagpin resolve` in a replica, with the webhook's configuration. */
const resolve = ['exec', 'deployment/tagpin', '--', 'tagpin', 'resolve', '--registry-config', '/etc/tagpin'];

async function expectPinned(): Promise<void> {
  await using namespace = await createNamespace(cluster, 'enforce');
  await succeed(namespace.apply(podManifest({ image: app.tagged, spec: { schedulerName: 'none' } })));
  expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
}

/** The log of a replica that doesn't start. */
const lastWords = () =>
  expect.poll(
    async () => {
      const names = await succeed(
        kubectl('get', 'pods', '--output=name', '--sort-by=.metadata.creationTimestamp'),
      );
      return (await kubectl('logs', names.split('\n').at(-1) ?? '')).stdout;
    },
    { timeout: 60_000 },
  );

/** What is true whatever tagpin was installed by. */
function tellOfUndoing(change: () => Promise<unknown>): void {
  test('a configuration with a mistake starts no replica, and the ones before serve on', async () => {
    await change();
    await lastWords().toContain(`dockerConfig: docker config ${ABSENT} can't be read`);
    expect(await tagpin.ready()).toHaveLength(2);
    await expectPinned();
  }, 120_000);

  test('rollout undo brings back the configuration of before, also for replicas that are replaced later', async () => {
    await sh(undo ?? 'false');
    await sh(rolledOut);
    await succeed(kubectl('delete', 'pods', '--selector=app.kubernetes.io/name=tagpin', '--timeout=90s'));
    await tagpin.recovered();
    expect(await sh(check ?? 'false')).toBe('/etc/tagpin is valid');
    await expectPinned();
  }, 240_000);
}

beforeAll(async () => {
  app = await images.push();
});
afterAll(() => installation.restore(), 180_000);

describe('installed by kustomize', () => {
  tellOfUndoing(async () => {
    const patch = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'tagpin-config', namespace: 'tagpin-system' },
      data: { 'more.yaml': `dockerConfig: ${ABSENT}` },
    };
    const patches = [{ patch: stringify(patch) }];
    const folder = compose(cluster, { base: installation.folder, patches });
    await succeed(kubectl('apply', '--kustomize', folder));
  });

  test('the command in the pod resolves with the configuration and the CAs of the webhook', async () => {
    expect(await succeed(kubectl(...resolve, app.tagged))).toBe(app.digest);
  });

  test('it reads pull secrets as the webhook does', async () => {
    await using namespace = await createNamespace(cluster);
    const { stderr } = await kubectl(...resolve, '-n', namespace.name, '--pull-secret', 'absent', app.tagged);
    expect(stderr).not.toContain('forbidden');
  });
});

describe('installed by Helm', () => {
  const install = (verb: string, more = '') =>
    sh(`helm ${verb} tagpin charts/tagpin --namespace tagpin-system --create-namespace ${more}`);
  beforeAll(async () => {
    await succeed(kubectl('delete', '--kustomize', installation.folder, '--timeout=120s'));
    await install('install', '--wait --timeout 2m');
  }, 300_000);
  afterAll(async () => {
    await sh('helm uninstall tagpin --namespace tagpin-system --wait');
    await sh('kubectl delete namespace tagpin-system --timeout=120s');
  }, 240_000);

  test("a registry's CA among configFiles is trusted", () => expectPinned());

  tellOfUndoing(() => install('upgrade', `--reuse-values --set config.dockerConfig=${ABSENT}`));

  test('an upgrade after rollout undo takes --force-conflicts', async () => {
    await install('upgrade', '--reset-values --force-conflicts --wait --timeout 2m');
    await expectPinned();
  }, 150_000);

  test('helm rollback brings it back too, and the next upgrade finds nothing in its way', async () => {
    // kubectl owns the field until an upgrade changes it: the one before wrote what kubectl had written.
    await install('upgrade', `--reuse-values --force-conflicts --set config.dockerConfig=${ABSENT}`);
    await lastWords().toContain(`dockerConfig: docker config ${ABSENT} can't be read`);
    await sh(rollback ?? 'false');
    expect(await sh(check ?? 'false')).toBe('/etc/tagpin is valid');
    await install('upgrade', '--reset-values --wait --timeout 2m');
    await expectPinned();
  }, 300_000);
});
