import { lookup } from 'node:dns/promises';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { FRESH_MS } from '../../../src/webhook/pinning.ts';
import { keepSchema } from '../../../test/commands/keep/keeps.ts';
import { readCluster } from '../../support/cluster.ts';
import { run, succeed } from '../../support/command.ts';
import { createCrane } from '../../support/crane.ts';
import { Images } from '../../support/images.ts';
import { createNamespace, type Namespace } from '../../support/namespace.ts';
import { collectGarbage, startRegistry } from '../../support/registry.ts';
import { havePods, imagesOf, on, podsOf } from '../../support/rollout.ts';
import { until } from '../../support/until.ts';
import { deployment, selectorOf } from '../../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const crane = createCrane({ crane: cluster.programs.crane, caFile: cluster.caFile });
const main = join(import.meta.dirname, '../../../src/main.ts');
const LONG = 180_000;

/** A registry of this test's own, where it may collect garbage. */
async function startOwnRegistry() {
  const { programs, detourRegistry, openKeyPair } = cluster;
  const directory = mkdtempSync(join(cluster.directory, 'keep-'));
  const [host = '', port = ''] = detourRegistry.split(':');
  const { address } = await lookup(host);
  const registry = await startRegistry({
    binary: programs.registry,
    directory,
    listen: `${address}:${port}`,
    tls: { certificate: openKeyPair.cert, key: openKeyPair.key },
  });
  return {
    /** Pushes a new build under `1`, and returns its digest when a new revision no longer accepts one cached before. */
    async push(repository: string): Promise<string> {
      const { tagged, digest } = await images.push(undefined, '1');
      await crane('copy', tagged, `${detourRegistry}/${repository}:1`);
      await sleep(FRESH_MS);
      return digest;
    },
    collectGarbage: () => collectGarbage({ binary: programs.registry, directory }),
    [Symbol.asyncDispose]: registry.stop,
  };
}

/** Runs `tagpin keep` for the repository, and returns its exit code and its JSON. */
async function keep(repository: string, ...options: string[]) {
  const { detourRegistry, kubeconfig, caFile, directory } = cluster;
  const registryConfig = join(mkdtempSync(join(directory, 'keep-')), 'tagpin.yaml');
  writeFileSync(registryConfig, stringify({ registries: { [detourRegistry]: { caFile } } }));
  const access = ['--kubeconfig', kubeconfig, '--registry-config', registryConfig];
  const only = ['--registry', `${detourRegistry}/${repository}`];
  const { code, stdout } = await run([
    process.execPath,
    main,
    'keep',
    '-o',
    'json',
    ...access,
    ...only,
    ...options,
  ]);
  return { code, ...keepSchema.parse(JSON.parse(stdout)) };
}

/** Rolls a Deployment out twice with an image of which the node has nothing, because it is scaled to zero. */
async function rollOutTwice(namespace: Namespace, image: string, push: () => Promise<string>) {
  const first = await push();
  await succeed(namespace.apply(deployment(image, { replicas: 0 })));
  const revisions = (count: number) =>
    until(`${count} revisions`, async () => {
      const names = await on(namespace, 'get', 'replicasets', '--output', 'name');
      return names.split('\n').filter((name) => name !== '').length === count || undefined;
    });
  await revisions(1);
  const second = await push();
  await on(namespace, 'rollout', 'restart', 'deployment/web');
  await revisions(2);
  return { first, second };
}

/** Whether the pods wait for an image that can't be pulled. */
async function areWithoutImage(namespace: Namespace) {
  const reason = '{.items[*].status.containerStatuses[*].state.waiting.reason}';
  await until(
    'the image not to be pulled',
    async () => {
      const said = await on(namespace, 'get', 'pods', '--output', `jsonpath=${reason}`);
      return /ErrImagePull|ImagePullBackOff/.test(said) || undefined;
    },
    { seen: async () => (await namespace.kubectl(['get', 'pods,events'])).stdout },
  );
}

test(
  'tags move, garbage is collected: what is held comes up on a node that never had it, and after a rollback',
  async () => {
    await using registry = await startOwnRegistry();
    await using namespace = await createNamespace(cluster, 'enforce');
    const name = `${cluster.detourRegistry}/held`;
    const { first, second } = await rollOutTwice(namespace, `${name}:1`, () => registry.push('held'));
    await registry.push('held');

    const held = await keep('held', '--hold', '--cluster', 'e2e');
    expect(held).toMatchObject({ code: 0, repositories: [{ held: [first, second].sort(), gone: [] }] });
    await registry.collectGarbage();

    await on(namespace, 'scale', 'deployment/web', '--replicas=2');
    await havePods(namespace, 2);
    expect(await imagesOf(namespace)).toEqual([`${name}@${second}`]);
    for (const { metadata } of await podsOf(namespace)) await on(namespace, 'delete', 'pod', metadata.name);
    await havePods(namespace, 2);
    await on(namespace, 'rollout', 'undo', 'deployment/web');
    await on(namespace, 'rollout', 'status', 'deployment/web', '--timeout=60s');
    await havePods(namespace, 2);
    expect(await imagesOf(namespace)).toEqual([`${name}@${first}`]);
    expect(await keep('held', '--hold', '--cluster', 'e2e')).toMatchObject({
      code: 0,
      repositories: [{ held: [first, second].sort(), writes: [] }],
    });
  },
  LONG,
);

test(
  'without a hold the pull fails, and keep tells before',
  async () => {
    await using registry = await startOwnRegistry();
    await using namespace = await createNamespace(cluster, 'enforce');
    const name = `${cluster.detourRegistry}/unheld`;
    const { first, second } = await rollOutTwice(namespace, `${name}:1`, () => registry.push('unheld'));
    await registry.push('unheld');
    await registry.collectGarbage();

    const gone = [first, second].sort();
    expect(await keep('unheld', '--touch')).toMatchObject({ code: 1, repositories: [{ gone }] });
    await on(namespace, 'scale', 'deployment/web', '--replicas=1');
    await areWithoutImage(namespace);
    expect(await imagesOf(namespace, selectorOf())).toEqual([`${name}@${second}`]);
  },
  LONG,
);
