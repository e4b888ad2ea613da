import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { KeepOptions } from '../../src/commands/keep/options.ts';
import {
  type KeepCluster,
  namespaceObject,
  podObject,
  startKeepCluster,
} from '../../test/commands/keep/keeps.ts';
import { type Image, image, index } from '../../test/support/registry/image.ts';
import { writeDockerConfig } from '../support/account.ts';
import { readCluster } from '../support/cluster.ts';
import { run } from '../support/command.ts';
import { push } from '../support/push.ts';
import { collectGarbage, debianRegistry, startRegistry } from '../support/registry.ts';
import { type Running, reader, registries } from './registries.ts';

const { programs, directory } = readCluster();

const platforms = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];
const build = () => index(platforms.map((platform) => image({ platform })));

/** Whether an image is there whole, with all that it refers to. */
async function isWhole(registry: Running, repository: string, digest: string, dockerConfig: string) {
  const reference = `${registry.host}/${repository}@${digest}`;
  const pulled = await run([programs.crane, 'validate', '--remote', reference], {
    env: { DOCKER_CONFIG: dockerConfig },
  });
  return pulled.code === 0;
}

interface Trial extends AsyncDisposable {
  cluster: KeepCluster;
  hold(options?: Partial<KeepOptions>): ReturnType<KeepCluster['keep']>;
  isThere(image: Image): Promise<boolean>;
}

/** A cluster whose pods, called `pod-0` and so on, run these builds of `app:1`, each pushed over the one before. */
async function tryAt(registry: Running, repository: string, builds: readonly Image[]): Promise<Trial> {
  const cluster = await startKeepCluster();
  cluster.put(namespaceObject('a'));
  for (const [index, build] of builds.entries()) {
    await registry.push(repository, '1', build);
    const pinned = `${registry.host}/${repository}@${build.digest}`;
    cluster.put(podObject('a', { name: `pod-${index}`, image: pinned }));
  }
  const folder = join(cluster.folder, 'docker');
  writeDockerConfig(folder, registry.host, reader);
  const dockerConfig = join(folder, 'config.json');
  const registryConfig = join(cluster.folder, 'tagpin.yaml');
  // A token server on loopback has to be named.
  const named = [registry.host, ...(registry.tokenServer === undefined ? [] : [registry.tokenServer])];
  writeFileSync(
    registryConfig,
    stringify({ registries: Object.fromEntries(named.map((host) => [host, { plainHttp: true }])) }),
  );
  return {
    cluster,
    hold: (options = {}) =>
      cluster.keep({ hold: true, cluster: 'prod', dockerConfig, registryConfig, ...options }),
    isThere: ({ digest }) => isWhole(registry, repository, digest, folder),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** A distribution registry without accounts, and its garbage collection. */
async function distribution(binary: string): Promise<Running & { collectGarbage(): Promise<void> }> {
  const folder = mkdtempSync(join(directory, 'keep-'));
  const { address: host, stop } = await startRegistry({ binary, directory: folder });
  return {
    host,
    push: (repository, tag, image) => push({ host }, repository, tag, image),
    collectGarbage: () => collectGarbage({ binary, directory: folder }),
    [Symbol.asyncDispose]: stop,
  };
}

describe('garbage collection of what has no tag', () => {
  const repository = 'everyone/app';

  test('of distribution v3 leaves what an index holds, whole, until it is released', async () => {
    await using registry = await distribution(programs.registry);
    const unused = build();
    await registry.push(repository, '1', unused);
    const [used, single, tagged] = [build(), image(), build()];
    await using trial = await tryAt(registry, repository, [used, single, tagged]);
    expect(await trial.hold()).toMatchObject({ code: 0 });
    await registry.collectGarbage();
    for (const each of [used, single, tagged]) expect(await trial.isThere(each)).toBe(true);
    expect(await trial.isThere(unused)).toBe(false);

    for (const name of ['pod-0', 'pod-1', 'pod-2']) trial.cluster.api.remove('Pod', 'a', name);
    const released = await trial.hold({ release: [`${registry.host}/${repository}`] });
    expect(released).toMatchObject({ code: 0, data: { repositories: [{ held: [] }] } });
    await registry.collectGarbage();
    expect(await trial.isThere(used)).toBe(false);
    expect(await trial.isThere(tagged)).toBe(true);
  });

  test('of distribution v3 without a hold removes what runs, which keep reports', async () => {
    await using registry = await distribution(programs.registry);
    const [used, tagged] = [build(), build()];
    await using trial = await tryAt(registry, repository, [used, tagged]);
    await registry.collectGarbage();
    expect(await trial.isThere(used)).toBe(false);
    const { code, data } = await trial.cluster.keep({ touch: true });
    expect({ code, gone: data.repositories?.[0]?.gone }).toEqual({ code: 1, gone: [used.digest] });
  });

  test('of distribution 2.8 leaves what has a tag each, and not what an index holds', async () => {
    await using registry = await distribution(debianRegistry);
    const unused = image();
    await registry.push(repository, '1', unused);
    const [used, single, tagged] = [build(), image(), build()];
    await using trial = await tryAt(registry, repository, [used, single, tagged]);
    await using other = await tryAt(registry, 'everyone/other', [image(), image()]);
    expect(await trial.hold({ tagEach: true })).toMatchObject({ code: 0 });
    expect(await other.hold()).toMatchObject({ code: 0 });
    await registry.collectGarbage();
    for (const each of [used, single, tagged]) expect(await trial.isThere(each)).toBe(true);
    expect(await trial.isThere(unused)).toBe(false);
    expect(await other.hold()).toMatchObject({ code: 1 });

    for (const name of ['pod-0', 'pod-1', 'pod-2']) trial.cluster.api.remove('Pod', 'a', name);
    const release = [`${registry.host}/${repository}`];
    expect(await trial.hold({ tagEach: true, release })).toMatchObject({ code: 0 });
    await registry.collectGarbage();
    expect(await trial.isThere(single)).toBe(false);
  });
});

const others = registries.filter(({ title }) => !/tests/.test(title));

test.each(others)(
  'at $title, what is held outlives its tag, and is written again only when it changes',
  async ({ start, namespaces }) => {
    await using registry = await start(mkdtempSync(join(directory, 'keep-')), programs);
    for (const how of [{ tagEach: false }, { tagEach: true }]) {
      const repository = `${namespaces[0]}/${how.tagEach ? 'by-tags' : 'by-index'}`;
      const held = build();
      await using trial = await tryAt(registry, repository, [held]);
      expect((await trial.hold(how)).data.repositories).toMatchObject([
        { held: [held.digest], problems: [], gone: [] },
      ]);
      await registry.push(repository, '1', build());
      expect(await trial.isThere(held)).toBe(true);
      expect((await trial.hold(how)).data.repositories).toMatchObject([
        { held: [held.digest], writes: [], problems: [], gone: [] },
      ]);
    }
  },
);
