import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { run, succeed } from '../../support/command.ts';
import { blocksOf, readerOf } from '../../support/document.ts';
import { installationOf } from '../../support/installation.ts';
import { compose } from '../../support/kustomization.ts';
import { createNamespace, type Namespace, podManifest } from '../../support/namespace.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { until } from '../../support/until.ts';

const cluster = readCluster();
const installation = installationOf(cluster);
const tagpin = tagpinOf(cluster);
const [one, all, back, ...rest] = blocksOf('docs/operations.md', 'out-of-the-way');

/** Runs a block of docs/operations.md unchanged. */
const follow = (block = { commands: 'false' }) =>
  succeed(readerOf(cluster, installation.folder).run(block.commands));

const create = async (namespace: Namespace) => {
  const pod = podManifest({ image: 'registry.example.com/app:1.2', spec: { schedulerName: 'none' } });
  return (await namespace.kubectl(['create', '--dry-run=server', '--filename', '-'], JSON.stringify(pod)))
    .stderr;
};
/** Waits until the API server has seen the label. */
const admits = (namespace: Namespace) =>
  until('pods to be admitted', async () => (await create(namespace)) === '' || undefined);
const refuses = (namespace: Namespace) =>
  until('pods to be refused', async () => (await create(namespace)) !== '' || undefined);

const modeOf = async ({ name }: Namespace) => {
  const labels = await succeed(
    run([
      cluster.programs.kubectl,
      '--kubeconfig',
      cluster.kubeconfig,
      'get',
      'namespace',
      name,
      '--output=jsonpath={.metadata.labels}',
    ]),
  );
  return JSON.parse(labels);
};

describe('getting tagpin out of the way, with all replicas gone and the guard installed', () => {
  let team: Namespace;
  let other: Namespace;
  let audited: Namespace;

  beforeAll(async () => {
    const folder = compose(cluster, { base: installation.folder, components: ['guard'] });
    await succeed(installation.kubectl('apply', '--kustomize', folder));
    team = await createNamespace(cluster, 'enforce', 'my-team');
    other = await createNamespace(cluster, 'enforce');
    audited = await createNamespace(cluster, 'audit');
    await tagpin.stop();
    await refuses(team);
  }, 120_000);
  afterAll(async () => {
    await tagpin.start();
    const policies = ['tagpin-guard', 'tagpin-label'].flatMap((name) => [
      `validatingadmissionpolicy/${name}`,
      `validatingadmissionpolicybinding/${name}`,
    ]);
    await succeed(installation.kubectl('delete', ...policies));
    const names = [team, other, audited].map(({ name }) => name);
    await succeed(installation.kubectl('delete', 'namespace', ...names, '--timeout=60s'));
  }, 120_000);

  test('takes one command for one namespace', async () => {
    await follow(one);
    await admits(team);
    await refuses(other);
  });

  test('takes one command for all', async () => {
    await follow(all);
    await admits(team);
    await admits(other);
  });

  test('is undone by one command, and leaves nothing behind', async () => {
    await follow(back);
    await refuses(team);
    await refuses(other);
    for (const [namespace, mode] of [
      [team, 'enforce'],
      [other, 'enforce'],
      [audited, 'audit'],
    ] as const)
      expect(await modeOf(namespace)).toEqual({
        'kubernetes.io/metadata.name': namespace.name,
        'tagpin.dev/pin': mode,
      });
    expect(rest).toEqual([]);
  });
});
