import { chmodSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { readCluster } from '../support/cluster.ts';
import { type Result, run, succeed } from '../support/command.ts';
import { Images, type PushedImage } from '../support/images.ts';
import { createNamespace } from '../support/namespace.ts';
import { deployment } from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const packageJson = z
  .object({
    version: z.string(),
    engines: z.object({ node: z.string() }),
    dependencies: z.unknown().optional(),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')));

let folder: string;
let registryConfig: string;
let image: PushedImage;
beforeAll(async () => {
  folder = mkdtempSync(join(cluster.directory, 'package-'));
  registryConfig = join(folder, 'tagpin.yaml');
  const registries = { [cluster.openRegistry]: { caFile: cluster.caFile } };
  writeFileSync(registryConfig, stringify({ registries }));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(cluster.programs.kubectl, join(bin, 'kubectl'));
  // The script that docs/command-line.md puts on the path.
  const [, script = ''] =
    /```sh\n(#!\/bin\/sh\n[^`]*__complete[^`]*)```/.exec(
      readFileSync(join(import.meta.dirname, '../../docs/command-line.md'), 'utf8'),
    ) ?? [];
  writeFileSync(join(bin, 'kubectl_complete-tagpin'), script);
  chmodSync(join(bin, 'kubectl_complete-tagpin'), 0o755);
  image = await images.push();
});

/** Runs a command with only the installed package, its Node.js, kubectl and the system's programs on the path. */
const here = (...command: string[]): Promise<Result> =>
  run(command, {
    cwd: join(cluster.packaged, '../..'),
    env: {
      PATH: [cluster.packaged, join(folder, 'bin'), '/usr/bin', '/bin'].join(delimiter),
      KUBECONFIG: '',
      HOME: folder,
      npm_config_update_notifier: 'false',
    },
  });

describe('the npm package', () => {
  test('runs with the oldest Node.js that it supports', async () => {
    const version = await succeed(here('node', '--version'));
    expect(`>=${version.slice(1).split('.')[0]}`).toBe(packageJson.engines.node);
    expect(await succeed(here('tagpin', '--version'))).toBe(packageJson.version);
    expect(await succeed(here('npx', 'tagpin', '--version'))).toBe(packageJson.version);
    expect(await succeed(here('kubectl-tagpin', '--version'))).toBe(packageJson.version);
  });

  test('resolves', async () => {
    const args = ['resolve', '--registry-config', registryConfig, image.tagged];
    expect(await succeed(here('tagpin', ...args))).toBe(image.digest);
  });

  test('needs no other package, and no TypeScript file', async () => {
    expect(packageJson.dependencies).toBeUndefined();
    const installed = join(cluster.packaged, '../tagpin');
    expect(await succeed(run(['find', installed, '-name', '*.ts']))).toBe('');
    expect(await succeed(run(['find', installed, '-name', 'tagpin.js']))).not.toBe('');
  });
});

describe('kubectl tagpin', () => {
  const access = ['--kubeconfig', cluster.kubeconfig];

  test('is a plugin that kubectl finds', async () => {
    expect((await here('kubectl', 'plugin', 'list')).stdout).toContain('/kubectl-tagpin\n');
    expect(await succeed(here('kubectl', 'tagpin', '--version'))).toBe(packageJson.version);
  });

  test('takes --kubeconfig, --context and -n as kubectl does', async () => {
    await using namespace = await createNamespace(cluster);
    await succeed(namespace.apply(deployment(image.tagged)));
    const context = await succeed(here('kubectl', ...access, 'config', 'current-context'));
    const more = [...access, '--context', context, '-n', namespace.name, '--registry-config', registryConfig];
    expect(await succeed(here('kubectl', 'tagpin', 'resolve', ...more, image.tagged))).toBe(image.digest);
    const preflight = await here('kubectl', 'tagpin', 'preflight', ...more, '-o', 'json');
    expect(JSON.parse(preflight.stdout)).toMatchObject({
      namespace: namespace.name,
      images: [{ image: image.tagged, digest: image.digest, usedBy: ['deployment/web'] }],
    });
    expect(await here('kubectl', 'tagpin', 'adopt', '--dry-run', ...more)).toMatchObject({ code: 0 });
    expect(
      await here('kubectl', 'tagpin', 'preflight', ...access, '--context', 'nowhere', '-n', 'x'),
    ).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no context "nowhere"'),
    });
    expect(await here('kubectl', 'tagpin', 'adopt', '-n', 'Bad_NS')).toMatchObject({
      code: 2,
      stderr: `tagpin: "Bad_NS" can't be a namespace's name; write it as kubectl lists it\n`,
    });
  });

  test('has completion through kubectl', async () => {
    const { stdout } = await here('kubectl', '__complete', 'tagpin', 'adopt', '--pref');
    expect(stdout.split('\n')).toContain(
      '--prefer\tif pods of a revision run several digests, take the digest of these',
    );
    expect((await here('kubectl', '__complete', 'tagpin', 're')).stdout).toMatch(/^resolve\t.*\n:4\n$/);
  });
});
