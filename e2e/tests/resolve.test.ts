import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readCluster } from '../support/cluster.ts';
import { run, succeed } from '../support/command.ts';
import { createCrane } from '../support/crane.ts';
import { Images } from '../support/images.ts';
import { createNamespace, pullSecretManifest } from '../support/namespace.ts';

const cluster = readCluster();
const images = new Images(cluster);
const main = join(import.meta.dirname, '../../src/main.ts');
const crane = createCrane({
  crane: cluster.programs.crane,
  caFile: cluster.caFile,
  dockerConfig: cluster.dockerConfig,
});

let folder: string;
let registryConfig: string;
beforeAll(() => {
  folder = mkdtempSync(join(cluster.directory, 'resolve-'));
  registryConfig = join(folder, 'tagpin.yaml');
  const trusted = { caFile: cluster.caFile };
  const registries = { [cluster.openRegistry]: trusted, [cluster.privateRegistry]: trusted };
  writeFileSync(registryConfig, stringify({ registries }));
  // A docker config without logins.
  mkdirSync(join(folder, 'nobody'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const resolve = (args: readonly string[], dockerConfig = join(folder, 'nobody')) =>
  run([process.execPath, main, 'resolve', '--registry-config', registryConfig, ...args], {
    env: { DOCKER_CONFIG: dockerConfig },
  });

describe('tagpin resolve prints what crane digest prints', () => {
  test('for a public image', async () => {
    const { tagged } = await images.push();
    expect(await succeed(resolve([tagged]))).toBe(await crane('digest', tagged));
  });

  test('for a private image, logged in by the same docker config', async () => {
    const { tagged } = await images.pushPrivate();
    expect(await succeed(resolve([tagged], cluster.dockerConfig))).toBe(await crane('digest', tagged));
  });

  test('for an image by tag and digest', async () => {
    const { tagged, digest } = await images.push();
    const both = `${tagged}@${digest}`;
    expect(await succeed(resolve([both]))).toBe(await crane('digest', both));
  });

  test('for several, one line each in the order given', async () => {
    const [one, two] = [await images.push(), await images.pushPrivate()];
    const digests = [await crane('digest', two.tagged), await crane('digest', one.tagged)];
    expect(await succeed(resolve([two.tagged, one.tagged], cluster.dockerConfig))).toBe(digests.join('\n'));
  });
});

test('tagpin resolve --namespace uses the pull secrets of a ServiceAccount', async () => {
  await using namespace = await createNamespace(cluster);
  const { tagged, digest } = await images.pushPrivate();
  const asPod = ['--kubeconfig', cluster.kubeconfig, '--namespace', namespace.name, tagged];
  const refused = await resolve(asPod);
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  expect(refused.stderr).toContain('no pull secret matches this registry');

  await succeed(namespace.apply(pullSecretManifest('registry', cluster.privateRegistry, cluster.account)));
  const patch = JSON.stringify({ imagePullSecrets: [{ name: 'registry' }] });
  await succeed(namespace.kubectl(['patch', 'serviceaccount', 'default', '--patch', patch]));
  expect(await succeed(resolve(asPod))).toBe(digest);
  const [entry] = JSON.parse(await succeed(resolve(['-o', 'json', ...asPod])));
  expect(entry).toMatchObject({ digest, credential: `secret ${namespace.name}/registry` });
  expect(entry.size).toBe((await crane('manifest', tagged)).length);
});
