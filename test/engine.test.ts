import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import { createRegistryEngine } from '../src/engine.ts';
import { parseReference } from '../src/image/reference.ts';
import { noProxies } from '../src/proxies.ts';
import { makeFolder } from './support/folder.ts';
import { startProxy } from './support/proxy.ts';
import { image } from './support/registry/image.ts';
import { startRegistry } from './support/registry/registry.ts';

/** Resolves an image as the configuration says. */
async function resolve(config: string, reference: string, proxies = noProxies) {
  const parts = { sources: [], observe: () => undefined, proxies };
  const engine = createRegistryEngine(parseConfig(config, 'test'), parts);
  try {
    const { digest } = await engine.resolver.resolve(
      parseReference(reference),
      [],
      AbortSignal.timeout(5_000),
    );
    return digest;
  } finally {
    await engine.close();
  }
}

test("a node's own configuration of registries holds for tagpin", async () => {
  await using mirror = await startRegistry();
  const digest = mirror.push('library/nginx', '1', image());
  using folder = makeFolder({
    'docker.io/hosts.toml': `server = "https://registry-1.docker.io"\n[host."${mirror.url}"]\n`,
  });
  expect(await resolve(`certsDirectory: ${folder.path}`, 'nginx:1')).toBe(digest);
  expect(mirror.requests.entries[0]?.query.get('ns')).toBe('docker.io');
});

test('mirrors can be written into the configuration itself', async () => {
  await using mirror = await startRegistry();
  const digest = mirror.push('library/nginx', '1', image());
  const config = `registries: {docker.io: {mirrors: [{endpoint: "${mirror.url}"}]}}`;
  expect(await resolve(config, 'nginx:1')).toBe(digest);
});

test('private registries can be denied, except those that are configured', async () => {
  await using registry = await startRegistry();
  const digest = registry.push('app', '1', image());
  const reference = `${registry.host}/app:1`;
  expect(await resolve('{}', reference)).toBe(digest);
  await expect(resolve('denyPrivateRegistries: true', reference)).rejects.toMatchObject({
    failure: 'forbidden_address',
  });
  const configured = `denyPrivateRegistries: true\nregistries: {"${registry.host}": {}}`;
  expect(await resolve(configured, reference)).toBe(digest);
});

test("the environment's proxies are used", async () => {
  await using registry = await startRegistry({ name: 'registry.example' });
  await using proxy = await startProxy();
  const digest = registry.push('app', '1', image());
  const config = `registries: {"${registry.host}": {plainHttp: true}}`;
  const proxies = { http: proxy.url, https: proxy.url, noProxy: '' };
  expect(await resolve(config, `${registry.host}/app:1`, proxies)).toBe(digest);
  expect(proxy.asked).toHaveLength(1);
});
