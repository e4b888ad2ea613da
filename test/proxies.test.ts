import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { parseReference } from '../src/image/reference.ts';
import { noProxies, proxyFor } from '../src/proxies.ts';
import { RegistryError } from '../src/registry/error.ts';
import { clientWith, tryResolve } from './registry/clients.ts';
import { createAuthority } from './support/authority.ts';
import { startProxy } from './support/proxy.ts';
import { image } from './support/registry/image.ts';
import { startRegistry } from './support/registry/registry.ts';

const PROXY = 'http://proxy.example:3128';

/** Cases of golang.org/x/net/http/httpproxy/proxy_test.go, `UseProxyTests` and around it. */
describe('a proxy is not used for', () => {
  const passedBy = (url: string, noProxy: string) =>
    proxyFor(new URL(url), { http: PROXY, https: PROXY, noProxy }) === undefined;

  test.each([
    ['http://localhost', ''],
    ['http://127.0.0.1', ''],
    ['http://127.0.0.2:5000', ''],
    ['https://[::1]:5000', ''],
    ['https://anything.example', '*'],
    ['https://foo.example.com', 'example.com'],
    ['https://example.com', 'example.com'],
    ['https://example.com.', 'example.com'],
    ['https://EXAMPLE.com', 'Example.COM'],
    ['https://foo.example.com', '.example.com'],
    ['https://foo.example.com', '*.example.com'],
    ['https://foo.example.com:8443', 'other, example.com:8443'],
    ['https://example.com', 'example.com:443'],
    ['http://example.com', 'example.com:80'],
    ['https://10.1.2.3:5000', '10.0.0.0/8'],
    ['https://10.1.2.3', '10.1.2.3'],
    ['https://10.1.2.3:5000', '10.1.2.3:5000'],
    ['https://[fd00::1]:5000', 'fd00::/8'],
    ['https://[fd00::1]', 'fd00::1'],
    ['https://[fd00::1]:5000', '[fd00::1]:5000'],
    ['https://a.svc.cluster.local', '.svc .cluster.local'],
  ])('%s by NO_PROXY=%s', (url, noProxy) => expect(passedBy(url, noProxy)).toBe(true));

  test.each([
    ['https://example.com', ''],
    ['https://example.com', ' , '],
    ['https://example.com', '.example.com'],
    ['https://example.com', '*.example.com'],
    ['https://notexample.com', 'example.com'],
    ['https://example.com', 'example.com:8443'],
    ['https://11.1.2.3', '10.0.0.0/8'],
    ['https://name.example', '10.0.0.0/8'],
    ['https://[fe00::1]', 'fd00::/8'],
    ['https://example.com', '/x,[,:,10.0.0.0/99'],
    ['https://10.1.2.3', '1.2.3'],
    ['https://10.1.2.3', '*.2.3'],
    ['https://foo.example.com', '*example.com'],
  ])('but not for %s by NO_PROXY=%s', (url, noProxy) => expect(passedBy(url, noProxy)).toBe(false));

  test('the other scheme', () => {
    const proxies = { ...noProxies, http: PROXY };
    expect(proxyFor(new URL('https://example.com'), proxies)).toBeUndefined();
    expect(proxyFor(new URL('http://example.com'), proxies)).toBe(PROXY);
  });
});

describe('through a proxy', () => {
  const authority = createAuthority();
  const cleanups: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup[Symbol.asyncDispose]();
  });
  const start = async (login?: string) => {
    const { caPem, issue } = await authority;
    const tls = await issue(['registry.example']);
    const registry = await startRegistry({ tls, name: 'registry.example' });
    const proxy = await startProxy(login === undefined ? {} : { login });
    cleanups.push(registry, proxy);
    return { registry, proxy, digest: registry.push('app', '1', image()), ca: [caPem] };
  };
  const proxied = (proxy: { port: number }, login = '', noProxy = '') => {
    const url = `http://${login && `${login}@`}127.0.0.1:${proxy.port}`;
    // The name leads nowhere here: only the proxy can find it.
    return { proxies: { http: url, https: url, noProxy }, lookup: undefined };
  };

  test('an HTTPS registry is reached by a tunnel', async () => {
    const { registry, proxy, digest, ca } = await start();
    const client = clientWith({ [registry.host]: { tls: { ca } } }, proxied(proxy));
    expect(await tryResolve(client, `${registry.host}/app:1`)).toMatchObject({ digest });
    expect(proxy.asked).toEqual([`CONNECT ${registry.host}`]);
  });

  test('an HTTP registry is reached by forwarding', async () => {
    const { proxy } = await start();
    await using registry = await startRegistry({ name: 'registry.example' });
    const digest = registry.push('app', '1', image());
    const client = clientWith({ [registry.host]: { plainHttp: true } }, proxied(proxy));
    expect(await tryResolve(client, `${registry.host}/app:1`)).toMatchObject({ digest });
    expect(proxy.asked).toEqual([`HEAD ${registry.url}/v2/app/manifests/1`]);
  });

  test("the registry's certificate counts, not the proxy's word", async () => {
    const { registry, proxy } = await start();
    const result = await tryResolve(clientWith({}, proxied(proxy)), `${registry.host}/app:1`);
    expect(result).toMatchObject({ failure: 'untrusted' });
  });

  test('that wants a password, it is shown', async () => {
    const { registry, proxy, digest, ca } = await start('ada:correct-horse');
    const client = clientWith({ [registry.host]: { tls: { ca } } }, proxied(proxy, 'ada:correct-horse'));
    expect(await tryResolve(client, `${registry.host}/app:1`)).toMatchObject({ digest });
  });

  test('that refuses, the failure says so, without the password', async () => {
    const { registry, proxy } = await start('ada:correct-horse');
    const result = await tryResolve(clientWith({}, proxied(proxy, 'ada:wrong')), `${registry.host}/app:1`);
    expect(result).toMatchObject({ failure: 'network', message: 'the proxy refuses the connection' });
    expect(JSON.stringify(result)).not.toContain('wrong');
  });

  test('that is unreachable, the failure is the network', async () => {
    const { registry, proxy } = await start();
    await proxy.close();
    const result = await tryResolve(clientWith({}, proxied(proxy)), `${registry.host}/app:1`);
    expect(result).toMatchObject({ failure: 'network' });
  });

  test("that hangs, no request outlasts its deadline or a registry's timeout", async () => {
    const { registry, proxy } = await start();
    const silent = new Set<Duplex>();
    proxy.server.removeAllListeners('connect').on('connect', (_, socket) => {
      silent.add(socket);
      socket.on('error', () => undefined);
    });
    const client = clientWith({}, proxied(proxy));
    const reference = parseReference(`${registry.host}/app:1`);
    const started = performance.now();
    const hasty = client.resolve(reference, undefined, AbortSignal.timeout(200));
    await expect(hasty).rejects.toMatchObject({ failure: 'timeout' });
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(await tryResolve(client, `${registry.host}/app:1`)).toMatchObject({ failure: 'timeout' });
    expect(performance.now() - started).toBeLessThan(9_000);
    for (const socket of silent) socket.destroy();
  }, 15_000);

  test('nothing goes to hosts in NO_PROXY', async () => {
    const { registry, proxy, digest, ca } = await start();
    const { proxies } = proxied(proxy, '', '.example');
    const client = clientWith({ [registry.host]: { tls: { ca } } }, { proxies });
    expect(await tryResolve(client, `${registry.host}/app:1`)).toMatchObject({ digest });
    expect(proxy.asked).toEqual([]);
  });

  test('metadata services and private addresses stay out of reach', async () => {
    const { proxy } = await start();
    const client = clientWith({}, { ...proxied(proxy), isInternal: undefined, denyPrivateRegistries: true });
    for (const host of ['metadata.google.internal', '169.254.169.254', '10.0.0.1', 'a.localhost']) {
      const result = await tryResolve(client, `${host}:80/app:1`);
      expect(result).toBeInstanceOf(RegistryError);
      expect(result).toMatchObject({ failure: 'forbidden_address' });
    }
    expect(proxy.asked).toEqual([]);
  });
});
