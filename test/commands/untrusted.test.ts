import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { createAuthority } from '../support/authority.ts';
import { tagpin } from '../support/command-line.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { deployment, podOf } from './adopt/adoptions.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-untrusted-'));
const kubeconfig = join(folder, 'kubeconfig');
/** Without it a registry of this machine is asked by plain HTTP. */
const config = join(folder, 'tagpin.yaml');
let api: ApiServer;
let registry: Registry;
let app: string;

beforeAll(async () => {
  api = await startSecureApiServer();
  await api.writeKubeconfig(kubeconfig);
  const authority = await createAuthority();
  registry = await startRegistry({ tls: await authority.issue(['127.0.0.1']) });
  app = `${registry.host}/app:1`;
  const imageId = `${registry.host}/app@${registry.push('app', '1', image())}`;
  writeFileSync(config, `registries: {"${registry.host}": {plainHttp: false}}\n`);
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'shop', name: 'default' } });
  for (const object of deployment('shop', app)) api.put(object);
  api.put(podOf('shop', { image: app, imageId }));
});
afterAll(async () => {
  await Promise.all([api.close(), registry.close()]);
  rmSync(folder, { recursive: true });
});

test.each([
  ['audit', ['audit', '-n', 'shop']],
  ['preflight', ['preflight', '-n', 'shop']],
  ['adopt', ['adopt', '-n', 'shop']],
  ['resolve', ['resolve', '-n', 'shop']],
])('tagpin %s names --registry-config where a registry has a CA of its own', async (name, command) => {
  const images = name === 'resolve' ? [app] : [];
  const { stdout, stderr } = await tagpin([
    ...command,
    '--kubeconfig',
    kubeconfig,
    '--registry-config',
    config,
    ...images,
  ]);
  expect(stdout + stderr).toMatch(
    /the registry isn't trusted .*; add the registry's CA to a configuration \(registries\.<host>\.caFile\) and give that by --registry-config FILE: the webhook's, with paths that are right on this machine/,
  );
});
