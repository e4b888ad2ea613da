import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { inspectImage, ownFiles, rebuildImage } from '../image/build.ts';
import { readCluster } from '../support/cluster.ts';
import { run, succeed } from '../support/command.ts';
import { createCrane } from '../support/crane.ts';

const cluster = readCluster();
const { image } = cluster;
const MIB = 2 ** 20;
const command = [
  '/nodejs/bin/node',
  '--max-semi-space-size=8',
  '--heap-growing-percent=50',
  '/app/tagpin.mjs',
];

// In kind, Docker builds the image.
if (image !== undefined)
  describe("tagpin's image", () => {
    test('runs a bundle, as an unprivileged user, without a shell', async () => {
      const { config } = await inspectImage(image);
      expect(config).toMatchObject({
        User: '65532:65532',
        Entrypoint: [...command],
        Cmd: ['serve'],
        Env: expect.arrayContaining(['NODE_ENV=production', 'UV_THREADPOOL_SIZE=64']),
      });
    });

    test('has descriptive labels', async () => {
      const { config } = await inspectImage(image);
      const prefix = 'org.opencontainers.image.';
      const said = Object.keys(config.Labels).filter((name) => name.startsWith(prefix));
      expect(said.map((name) => name.slice(prefix.length)).sort()).toEqual([
        'base.name',
        'created',
        'description',
        'documentation',
        'licenses',
        'revision',
        'source',
        'title',
        'url',
        'vendor',
        'version',
      ]);
      expect(config.Labels[`${prefix}base.name`]).toBe(image.base);
    });

    test('adds only the bundle to its base', async () => {
      const files = await ownFiles(image);
      const isBundle = ({ path }: { path: string }) =>
        /^\/app\/(tagpin|tagpin\.mjs|chunks\/[\w.-]+\.mjs)$/.test(path);
      expect(files.filter((file) => !isBundle(file))).toEqual([]);
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      console.log(`the bundle: ${(bytes / MIB).toFixed(1)} MiB in ${files.length} files`);
      expect(bytes).toBeLessThan(16 * MIB);
    });

    test('reports its size', async () => {
      const { programs, caFile, openRegistry } = cluster;
      const crane = createCrane({ crane: programs.crane, caFile });
      const layer = z.object({ size: z.number() });
      const { layers } = z
        .object({ layers: z.array(layer) })
        .parse(JSON.parse(await crane('manifest', `${openRegistry}/tagpin:e2e`)));
      const sizes = layers.map(({ size }) => size / MIB);
      const sum = sizes.reduce((total, size) => total + size, 0);
      console.log(
        `the image: ${sum.toFixed(1)} MiB compressed on this machine's base, ${sizes.at(-1)?.toFixed(1)} MiB of them its own`,
      );
      expect(sizes.at(-1)).toBeLessThan(5);
    });

    test('is the same when built again', async () => {
      const again = await rebuildImage(image, 'localhost/tagpin:again');
      expect(await inspectImage(again)).toEqual(await inspectImage(image));
    }, 240_000);
  });

/** The main processes of tagpin's containers, as seen on the node. */
function processes(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(join('/proc', pid, 'cmdline'), 'utf8').startsWith([...command, 'serve'].join('\0'));
    } catch {
      return false;
    }
  });
}

const field = (status: string, name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];

describe('a replica of tagpin', () => {
  test('runs unprivileged, without capabilities or a way to gain more, on a read-only root', () => {
    const all = processes();
    expect(all.length).toBeGreaterThan(0);
    for (const pid of all) {
      const status = readFileSync(join('/proc', pid, 'status'), 'utf8');
      expect(field(status, 'Uid')?.split('\t')).toEqual(Array.from({ length: 4 }, () => '65532'));
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        expect(Number.parseInt(field(status, set) ?? '', 16), set).toBe(0);
      expect(field(status, 'NoNewPrivs')).toBe('1');
      const mounts = readFileSync(join('/proc', pid, 'mountinfo'), 'utf8').split('\n');
      const root = mounts.find((line) => line.split(' ')[4] === '/');
      expect(root?.split(' ')[5]?.split(',')).toContain('ro');
    }
  });

  test('meets the restricted pod security standard', async () => {
    const kubectl = [cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig];
    const label = 'pod-security.kubernetes.io/enforce';
    const namespace = ['namespace', 'tagpin-system'];
    const set = await succeed(
      run([
        ...kubectl,
        'get',
        ...namespace,
        `--output=jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}`,
      ]),
    );
    expect(set).toBe('restricted');
    // When the label is set again, the API server warns of each pod that violates it.
    const anew = [`${label}=restricted`, `${label}-version=latest`, '--overwrite', '--dry-run=server'];
    const { code, stderr } = await run([...kubectl, 'label', ...namespace, ...anew]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
