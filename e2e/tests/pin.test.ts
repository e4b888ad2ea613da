import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readCluster } from '../support/cluster.ts';
import { run, succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace } from '../support/namespace.ts';

const cluster = readCluster();
const images = new Images(cluster);
const { kubectl, kustomize } = cluster.programs;
const main = join(import.meta.dirname, '../../src/main.ts');

let folder: string;
let registryConfig: string;
/** A docker config without logins. */
let env: { DOCKER_CONFIG: string };
beforeAll(() => {
  folder = mkdtempSync(join(cluster.directory, 'pin-'));
  registryConfig = write(
    'tagpin.yaml',
    stringify({ registries: { [cluster.openRegistry]: { caFile: cluster.caFile } } }),
  );
  env = { DOCKER_CONFIG: join(folder, 'nobody') };
  mkdirSync(env.DOCKER_CONFIG);
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const pin = (args: readonly string[], input?: string) =>
  run([process.execPath, main, 'pin', '--registry-config', registryConfig, ...args], {
    env,
    ...(input === undefined ? {} : { input }),
  });

const pod = (image: string) => `apiVersion: v1
kind: Pod
metadata:
  name: app
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: app
      image: ${image}
`;

test('a pod that tagpin pin has pinned runs by digest without the webhook', async () => {
  await using namespace = await createNamespace(cluster);
  const { tagged, digest, pinned } = await images.push();
  const pinnedPod = await succeed(pin([write('pod.yaml', pod(tagged))]));
  expect(`${pinnedPod}\n`).toBe(pod(`${tagged}@${digest}`));
  await succeed(
    run([kubectl, '--kubeconfig', cluster.kubeconfig, '-n', namespace.name, 'apply', '-f', '-'], {
      input: pinnedPod,
    }),
  );
  await succeed(namespace.kubectl(['wait', 'pod/app', '--for=condition=Ready', '--timeout=50s']));
  const { stdout } = await namespace.kubectl([
    'get',
    'pod',
    'app',
    '--output',
    'jsonpath={.status.containerStatuses[0].imageID}',
  ]);
  expect(stdout).toBe(pinned);
});

test('the output of kubectl kustomize can be piped through it', async () => {
  const { tagged, digest } = await images.push();
  write('piped/pod.yaml', pod(tagged));
  write('piped/kustomization.yaml', 'resources: [pod.yaml]\n');
  const built = await succeed(run([kubectl, 'kustomize', join(folder, 'piped')]));
  expect(await succeed(pin(['-'], built))).toBe(built.replace(tagged, `${tagged}@${digest}`));
});

/** A kustomization with tagpin as its transformer, with this configuration. */
function kustomization(name: string, image: string, spec: unknown): string {
  write(`${name}/pod.yaml`, pod(image));
  write(`${name}/kustomization.yaml`, 'resources: [pod.yaml]\ntransformers: [pin.yaml]\n');
  const annotations = { 'config.kubernetes.io/function': 'exec: {path: ./plugins/pin}\n' };
  const metadata = { name: 'pin', annotations };
  write(`${name}/pin.yaml`, stringify({ apiVersion: 'tagpin.dev/v1', kind: 'Pin', metadata, spec }));
  chmodSync(write(`${name}/plugins/pin`, `#!/bin/sh\nexec '${process.execPath}' '${main}' pin -\n`), 0o755);
  return join(folder, name);
}

const build = (path: string) =>
  run([kustomize, 'build', '--enable-alpha-plugins', '--enable-exec', path], { env });

test('as a function of kustomize it pins what is built, with the options of its configuration', async () => {
  const pushed = await images.push();
  const { tagged, digest } = pushed;
  const path = kustomization('function', tagged, { registryConfig, lock: 'tagpin.lock' });
  expect(await succeed(build(path))).toContain(`image: ${tagged}@${digest}\n`);
  await images.move(pushed);
  expect(await succeed(build(path))).toContain(`image: ${tagged}@${digest}\n`);
});

test('as a function of kustomize it fails the build, and says why', async () => {
  const { name } = await images.push();
  const { code, stdout, stderr } = await build(kustomization('failing', `${name}:nope`, { registryConfig }));
  expect(code).not.toBe(0);
  expect(stdout).toBe('');
  expect(stderr).toContain(
    `Pod "app", spec.containers[0].image: ${name}:nope: not found (404 MANIFEST_UNKNOWN)`,
  );
});
