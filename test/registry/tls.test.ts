import { describe, expect, test } from 'vitest';
import type { RegistrySettings, TlsSettings } from '../../src/config/registry-settings.ts';
import { createAuthority } from '../support/authority.ts';
import type { ListenOptions } from '../support/listen.ts';
import { image } from '../support/registry/image.ts';
import { startRegistry } from '../support/registry/registry.ts';
import { clientWith, tryResolve, user } from './clients.ts';

const authority = await createAuthority();
const server = await authority.issue(['registry.example', 'auth.example', '::1', '127.0.0.1']);
const ada = await authority.issue(['ada']);
const stranger = await (await createAuthority('Another authority')).issue(['ada']);
const ca = [authority.caPem];
const certified = ({ cert, key }: typeof ada): TlsSettings => ({ ca, cert: [cert], key: [key] });

/** Resolves an image of an HTTPS registry with these settings for it. */
async function resolveWith(settings: RegistrySettings | undefined, options: ListenOptions = {}) {
  await using registry = await startRegistry({ tls: server, name: 'registry.example', ...options });
  const digest = registry.push('app', '1', image());
  const client = clientWith(settings === undefined ? {} : { [registry.host]: settings });
  const result = await tryResolve(client, `${registry.host}/app:1`);
  return 'digest' in result && result.digest === digest ? 'found' : result;
}

describe('a certificate', () => {
  test('of a CA of its own is trusted if that is configured', async () => {
    expect(await resolveWith({ tls: { ca } })).toBe('found');
    expect(await resolveWith(undefined)).toMatchObject({ failure: 'untrusted', retryable: false });
  });

  test('of whatever CA will do if the registry is insecure', async () => {
    expect(await resolveWith({ tls: { insecure: true } })).toBe('found');
  });

  test('that has expired is told to have', async () => {
    const validity = { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-01') };
    const tls = await authority.issue(['registry.example'], validity);
    expect(await resolveWith({ tls: { ca } }, { tls })).toMatchObject({
      failure: 'untrusted',
      message: 'its certificate has expired: CERT_HAS_EXPIRED',
    });
  });

  test('of another name is not trusted', async () => {
    const tls = await authority.issue(['other.example']);
    expect(await resolveWith({ tls: { ca } }, { tls })).toMatchObject({ failure: 'untrusted' });
  });

  test('is not what a registry on plain HTTP has', async () => {
    await using registry = await startRegistry({ name: 'registry.example' });
    expect(await tryResolve(clientWith({}), `${registry.host}/app:1`)).toMatchObject({
      failure: 'network',
      message: "the host doesn't speak TLS there",
    });
  });
});

describe('a registry that asks for a client certificate', () => {
  const options = { clientCa: authority.caPem };

  test('is shown the configured one', async () => {
    expect(await resolveWith({ tls: certified(ada) }, options)).toBe('found');
  });

  test('says so when there is none', async () => {
    expect(await resolveWith({ tls: { ca } }, options)).toMatchObject({ failure: 'network' });
  });

  test('refuses one of another CA', async () => {
    expect(await resolveWith({ tls: certified(stranger) }, options)).toMatchObject({ failure: 'network' });
  });
});

test('on loopback with a CA speaks TLS', async () => {
  expect(await resolveWith({ tls: { ca } }, { name: '127.0.0.1' })).toBe('found');
});

describe('on IPv6 only', () => {
  const options = { name: '[::1]', address: '::1' };

  test('a registry is found', async () => {
    await using registry = await startRegistry(options);
    const digest = registry.push('app', '1', image());
    expect(await tryResolve(clientWith({}), `${registry.host}/app:1`)).toMatchObject({ digest });
  });

  test('with TLS too, and with tokens', async () => {
    await using registry = await startRegistry({
      ...options,
      tls: server,
      auth: { scheme: 'bearer' },
      users: [{ name: 'ada', password: 'correct-horse', pull: ['*'] }],
    });
    const digest = registry.push('app', '1', image());
    const client = clientWith({ [registry.host]: { tls: { ca } } });
    expect(await tryResolve(client, `${registry.host}/app:1`, user('ada'))).toMatchObject({ digest });
  });
});

describe('a token server on another port', () => {
  const start = async (options: ListenOptions = {}) => {
    const registry = await startRegistry({
      tls: server,
      name: 'registry.example',
      auth: { scheme: 'bearer', separateTokenServer: true },
      public: ['*'],
      ...options,
    });
    registry.push('app', '1', image());
    return registry;
  };

  test("is trusted by the registry's CA", async () => {
    await using registry = await start();
    const client = clientWith({ [registry.host]: { tls: { ca } } });
    expect(await tryResolve(client, `${registry.host}/app:1`)).toHaveProperty('digest');
  });

  test("isn't shown the registry's client certificate, unless that is configured for it", async () => {
    await using registry = await start({ clientCa: authority.caPem });
    const settings = { [registry.host]: { tls: certified(ada) } };
    expect(await tryResolve(clientWith(settings), `${registry.host}/app:1`)).toMatchObject({
      failure: 'network',
      url: expect.stringContaining('/token'),
    });
    const { host } = new URL(registry.realm ?? '');
    const client = clientWith({ ...settings, [host]: { tls: certified(ada) } });
    expect(await tryResolve(client, `${registry.host}/app:1`)).toHaveProperty('digest');
  });
});
