import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { blocksOf, type Reader, readerOf } from '../../support/document.ts';
import { Images, type PushedImage } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';

const cluster = readCluster();
const installation = installationOf(cluster);
const { kubectl } = installation;
const images = new Images(cluster);

/** Documents whose commands the tests run, each group on a cluster without tagpin. */
const documents: { file: string; group?: string }[] = [
  { file: 'docs/install.md' },
  { file: 'docs/install.md', group: 'helm' },
  { file: 'README.md' },
];

/** Creates the namespace that the documents use, with a running Deployment. */
async function foundTeam(): Promise<PushedImage> {
  const app = await images.push();
  await succeed(kubectl('create', 'namespace', 'my-team'));
  await succeed(
    kubectl('create', '--namespace=my-team', 'deployment', 'web', `--image=${app.tagged}`, '--replicas=2'),
  );
  const patch = JSON.stringify({ spec: { template: { spec: { terminationGracePeriodSeconds: 0 } } } });
  await succeed(kubectl('patch', '--namespace=my-team', 'deployment', 'web', `--patch=${patch}`));
  await succeed(kubectl('rollout', 'status', '--namespace=my-team', 'deployment/web', '--timeout=60s'));
  return app;
}

// Each group leaves the cluster without tagpin, as the next one needs it.
afterAll(() => installation.restore(), 180_000);

for (const { file, group } of documents)
  describe(`the commands of ${file}${group === undefined ? '' : `, by ${group}`}`, () => {
    const blocks = blocksOf(file, group);
    const output: string[] = [];
    let app: PushedImage;
    let reader: Reader;
    let started: number;

    beforeAll(async () => {
      await succeed(
        kubectl('delete', '--kustomize', installation.folder, '--timeout=120s', '--ignore-not-found'),
      );
      app = await foundTeam();
      reader = readerOf(cluster, installation.folder);
      started = performance.now();
    }, 240_000);
    afterAll(async () => {
      await succeed(kubectl('delete', 'namespace', 'my-team', '--timeout=120s'));
    }, 180_000);

    for (const [index, { heading, commands }] of blocks.entries())
      test(`${index + 1}. ${heading}: ${commands.split('\n')[0]}`, async () => {
        const { stdout, stderr, code } = await reader.run(commands);
        expect(code, stdout + stderr).toBe(0);
        output.push(stdout);
      }, 180_000);

    test('are some, and leave nothing of tagpin behind', async () => {
      expect(blocks.length).toBeGreaterThan(1);
      expect(await installation.hasWebhookConfiguration()).toBe(false);
      console.log(`${file} took ${Math.round((performance.now() - started) / 1000)} s`);
    });

    if (file === 'docs/install.md' && group === undefined)
      test('have the pods run by digest', () => {
        const shown = output.find((text) => /^POD +IMAGE$/m.test(text)) ?? '';
        expect(shown).toContain(app.pinned);
      });
  });
