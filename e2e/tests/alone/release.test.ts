import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import packageJson from '../../../package.json' with { type: 'json' };
import { readCluster } from '../../support/cluster.ts';
import { run, succeed } from '../../support/command.ts';
import { createCrane } from '../../support/crane.ts';
import { createFreshMachine, type FreshMachine } from '../../support/fresh-machine.ts';
import { helmOf } from '../../support/helm.ts';
import { Images } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';

const cluster = readCluster();
const { openRegistry, caFile, directory } = cluster;
const { version } = packageJson;
const project = join(import.meta.dirname, '../../..');
const out = join(directory, 'release');
const crane = createCrane({ crane: cluster.programs.crane, caFile });
const installation = installationOf(cluster);
const archive = `tagpin_${version}_linux_amd64.tar.gz`;

const digests = z.object({ manifests: z.array(z.looseObject({ digest: z.string() })) });
const index = z.object({
  manifests: z.array(z.object({ platform: z.object({ os: z.string(), architecture: z.string() }) })),
});
const artifact = z.object({ layers: z.tuple([z.object({ digest: z.string(), mediaType: z.string() })]) });

// In kind, Docker builds the image.
if (cluster.image !== undefined)
  describe('a dry run of a release', () => {
    let machine: FreshMachine;
    let image: string;
    beforeAll(async () => {
      const release = ['npm', 'run', '--silent', 'release', '--', '--dry-run', '--out', out];
      const where = ['--registry', openRegistry, '--ca-file', caFile];
      const path = [dirname(cluster.programs.helm), process.env['PATH']].join(':');
      const command = [...release, ...where, '--platform', 'linux-amd64'];
      console.log(await succeed(run(command, { cwd: project, env: { PATH: path } })));
      image = `${openRegistry}/tagpin/tagpin@${await crane('digest', `${openRegistry}/tagpin/tagpin:${version}`)}`;
      machine = await createFreshMachine(join(directory, 'fresh'), cluster.programs.kubectl);
      for (const file of [archive, 'install.yaml']) machine.give(join(out, file), file);
      // With the certificates themselves, instead of their files' names.
      const kubeconfig = ['config', 'view', '--raw', '--flatten', '--kubeconfig', cluster.kubeconfig];
      writeFileSync(
        join(machine.root, 'root/kubeconfig'),
        await succeed(run([cluster.programs.kubectl, ...kubeconfig])),
      );
      machine.give(caFile, 'ca.crt');
    }, 900_000);
    afterAll(() => installation.restore(), 120_000);

    test('leaves files with their checksums', async () => {
      const files = readdirSync(out).sort();
      const sums = readFileSync(join(out, 'SHA256SUMS'), 'utf8');
      const named = [...sums.matchAll(/^[0-9a-f]{64} {2}(.+)$/gm)].map(([, file]) => file);
      expect([...named, 'SHA256SUMS'].sort()).toEqual(files);
      expect(files).toEqual(
        expect.arrayContaining([archive, 'install.yaml', 'krew.yaml', `tagpin-${version}.tgz`, 'tagpin.rb']),
      );
      await succeed(run(['sha256sum', '--check', '--quiet', 'SHA256SUMS'], { cwd: out }));
    });

    test('pushes an image for two platforms as one index', async () => {
      const { manifests } = index.parse(JSON.parse(await crane('manifest', image)));
      const names = manifests.map(({ platform: { os, architecture } }) => `${os}/${architecture}`);
      expect(names.sort()).toEqual(['linux/amd64', 'linux/arm64']);
    });

    test('attaches the bill of materials to it, of what is in the bundle', async () => {
      const repository = `${openRegistry}/tagpin/tagpin`;
      const tag = image.slice(image.indexOf('@') + 1).replace(':', '-');
      const [referrer] = digests.parse(JSON.parse(await crane('manifest', `${repository}:${tag}`))).manifests;
      expect(referrer).toMatchObject({ artifactType: 'application/vnd.cyclonedx+json' });
      const manifest: unknown = JSON.parse(await crane('manifest', `${repository}@${referrer?.digest}`));
      expect(manifest).toMatchObject({ subject: { digest: image.slice(image.indexOf('@') + 1) } });
      const [layer] = artifact.parse(manifest).layers;
      const bill: unknown = JSON.parse(await crane('blob', `${repository}@${layer.digest}`));
      expect(bill).toMatchObject({
        bomFormat: 'CycloneDX',
        metadata: { component: { name: 'tagpin', version } },
      });
      const { components } = z
        .object({ components: z.array(z.object({ name: z.string(), purl: z.string() })) })
        .parse(bill);
      expect(components.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['undici', 'zod', '@azure/identity']),
      );
      expect(components.map(({ name }) => name)).not.toContain('vitest');
      expect(components.every(({ purl }) => purl.startsWith('pkg:npm/'))).toBe(true);
    });

    test('pushes a chart that has the image by digest', async () => {
      const helm = helmOf(cluster);
      const chart = `oci://${openRegistry}/tagpin/charts/tagpin`;
      const rendered = await helm(['template', 'tagpin', chart, '--version', version, '--ca-file', caFile]);
      expect(rendered).toMatchObject({ code: 0, stdout: expect.stringContaining(`image: ${image}\n`) });
    });

    describe('on a machine with neither Node.js, Go nor a clone', () => {
      test('the command is one file, and kubectl finds it', async () => {
        const { stdout } = await machine.run(`
          mkdir bin && tar -xzf ${archive} -C bin && ln -s tagpin bin/kubectl-tagpin
          find / -xdev -name 'node*' -type f
          tagpin --version
          kubectl tagpin --version
          kubectl __complete tagpin resol`);
        expect(stdout.split('\n')).toEqual(expect.arrayContaining([version]));
        expect(stdout).toMatch(/^resolve\t/m);
        expect(stdout).not.toMatch(/\/node/);
      });

      test('it resolves', async () => {
        const pushed = await new Images(cluster).push();
        writeFileSync(
          join(machine.root, 'root/tagpin.yaml'),
          stringify({ registries: { [openRegistry]: { caFile: '/root/ca.crt' } } }),
        );
        const resolved = await succeed(
          machine.run(`tagpin resolve --registry-config tagpin.yaml ${pushed.tagged}`),
        );
        expect(resolved).toBe(pushed.digest);
      });

      test('one file installs tagpin at its digest', async () => {
        await succeed(
          machine.run(`kubectl apply -f install.yaml
            kubectl -n tagpin-system rollout status deployment/tagpin --timeout=120s`),
        );
        const images = await succeed(
          machine.run(`kubectl -n tagpin-system get pods -l app.kubernetes.io/name=tagpin \\
            --field-selector=status.phase=Running -o jsonpath='{.items[*].spec.containers[*].image}'`),
        );
        expect(new Set(images.split(' '))).toContain(image);
      }, 180_000);
    });
  });
