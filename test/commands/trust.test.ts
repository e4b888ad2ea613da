import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthority } from '../support/authority.ts';
import { tagpin } from '../support/command-line.ts';
import { type Folder, makeFolder } from '../support/folder.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';

let folder: Folder;
let registry: Registry;
let digest: string;
let ca: string;
/** Without it a registry of this machine is asked by plain HTTP. */
let config: string;
/** The same, with a CA of its own that isn't the registry's. */
let another: string;

beforeAll(async () => {
  folder = makeFolder();
  const authority = await createAuthority();
  registry = await startRegistry({ tls: await authority.issue(['127.0.0.1']) });
  digest = registry.push('app', '1', image());
  ca = folder.write('ca.crt', authority.caPem);
  const of = (settings: object) => JSON.stringify({ registries: { [registry.host]: settings } });
  config = folder.write('config.yaml', of({ plainHttp: false }));
  const caFile = folder.write('other.crt', (await createAuthority('Another authority')).caPem);
  another = folder.write('another.yaml', of({ caFile }));
});
afterAll(async () => {
  await registry.close();
  folder[Symbol.dispose]();
});

const resolve = (env: Readonly<Record<string, string>>, file = config) =>
  tagpin(['resolve', '--registry-config', file, `${registry.host}/app:1`], env);

const variables: [string, () => Readonly<Record<string, string>>][] = [
  ['NODE_EXTRA_CA_CERTS', () => ({ NODE_EXTRA_CA_CERTS: ca })],
  ['SSL_CERT_FILE', () => ({ SSL_CERT_FILE: ca })],
  ['NODE_USE_SYSTEM_CA with SSL_CERT_FILE', () => ({ NODE_USE_SYSTEM_CA: '1', SSL_CERT_FILE: ca })],
];

test.each(variables)('%s adds CAs for all registries', async (_, env) => {
  expect(await resolve(env())).toMatchObject({ stdout: `${digest}\n`, code: 0 });
});

test.each(variables)('%s adds CAs for a registry that has a caFile, too', async (_, env) => {
  expect(await resolve(env(), another)).toMatchObject({ stdout: `${digest}\n`, code: 0 });
});

test('an SSL_CERT_FILE that is not there adds none', async () => {
  const { code, stderr } = await resolve({ SSL_CERT_FILE: `${ca}.absent` });
  expect(stderr).toContain("the registry isn't trusted");
  expect(code).toBe(3);
});
