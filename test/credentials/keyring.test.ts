import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Credential } from '../../src/credentials/credential.ts';
import { CredentialSources } from '../../src/credentials/credential-sources.ts';
import { decodeDockerConfigJson } from '../../src/credentials/docker-config.ts';
import { createKeyring, dockerConfigKeyring, isDefaultRegistry } from '../../src/credentials/keyring.ts';
import { keyMatches, normalizeKey, parseKey } from '../../src/credentials/registry-key.ts';
import { cpuMilliseconds } from '../support/cpu-time.ts';
import { runs } from '../support/runs.ts';
import { cases, notApplied, prose, testedIn, vectors } from '../support/vectors.ts';

const login = z.object({ username: z.string(), password: z.string() });
const secret = z.object({ type: z.string(), data: z.record(z.string(), z.string()) });
const lookup = { name: z.string(), secrets: z.array(secret), image: z.string() };

vectors('keyring.json', {
  rules: prose,
  globMatch: cases(
    z.object({ pattern: z.string(), target: z.string(), match: z.boolean() }),
    ({ pattern, target }) => `${pattern} for ${target}`,
    ({ pattern, target, match }) => expect(matches(pattern, target)).toBe(match),
  ),
  keyNormalize: cases(
    z.discriminatedUnion('ignored', [
      z.object({ configKey: z.string(), ignored: z.literal(true) }),
      z.object({ configKey: z.string(), ignored: z.literal(false), indexKey: z.string() }),
    ]),
    ({ configKey }) => JSON.stringify(configKey),
    (c) => expect(normalizeKey(c.configKey)).toBe(c.ignored ? undefined : c.indexKey),
  ),
  lookup: cases(
    z.discriminatedUnion('ok', [
      z.object({
        ...lookup,
        ok: z.literal(true),
        nodeCredentials: z.array(login).default([]),
        expected: z.array(login),
      }),
      z.object({ ...lookup, ok: z.literal(false) }),
    ]),
    ({ name, image }) => `${name}: ${image}`,
    async (c) => {
      const keyring = createKeyring(
        c.secrets.map((s, index) => ({ namespace: 'team-a', name: `s${index}`, ...s })),
      );
      expect(keyring.broken.length === 0).toBe(c.ok);
      if (!c.ok) return;
      const node = c.nodeCredentials.map((fields) => new Credential({ ...fields, source: 'node' }));
      const all = new CredentialSources([{ credentials: async () => node }]);
      const { credentials } = await all.find(c.image, keyring, AbortSignal.timeout(1_000));
      expect(logins(credentials)).toEqual(c.expected);
    },
  ),
  isDefaultRegistry: cases(
    z.object({ image: z.string(), match: z.boolean() }),
    ({ image }) => JSON.stringify(image),
    ({ image, match }) => expect(isDefaultRegistry(image)).toBe(match),
  ),
  authDecode: testedIn('test/credentials/docker-config.test.ts'),
  entryDecode: testedIn('test/credentials/docker-config.test.ts'),
  ggcrEntryDecode: testedIn('test/credentials/docker-config.test.ts'),
  criParseAuth: notApplied(
    'it is how containerd picks from what the kubelet hands it, for a host it knows already',
  ),
});

const json = (name: string, auths: unknown) => ({
  namespace: 'team-a',
  name,
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': JSON.stringify({ auths }) },
});

describe('a broken secret', () => {
  const keyring = createKeyring([
    json('good', { 'quay.io': { username: 'u', password: 'p' } }),
    json('bad', { 'quay.io': { username: 'x', password: 'y' }, 'ghcr.io': { auth: 'hunter2!' } }),
    json('last', { 'quay.io': { username: 'v', password: 'q' } }),
  ]);

  test('is named with its reason', () => {
    expect(keyring.broken).toMatchObject([
      { secret: { namespace: 'team-a', name: 'bad' }, reason: 'base64' },
    ]);
    expect(keyring.broken[0]?.error.registry).toBe('ghcr.io');
  });

  test('leaves the others working, and gives nothing itself', () => {
    expect(logins(keyring.lookup('quay.io/app'))).toEqual([
      { username: 'u', password: 'p' },
      { username: 'v', password: 'q' },
    ]);
  });
});

test('secrets of another type, without the key of their type or with nothing in it are passed over', () => {
  const { data } = json('s', { 'quay.io': { username: 'u' } });
  const keyring = createKeyring([
    { ...json('opaque', {}), type: 'Opaque', data },
    { ...json('swapped', {}), type: 'kubernetes.io/dockercfg', data },
    { ...json('case', {}), type: 'kubernetes.io/DockerConfigJson', data },
    { ...json('empty', {}), data: { '.dockerconfigjson': '' } },
    { ...json('none', {}), data: {} },
  ]);
  expect(keyring.broken).toEqual([]);
  expect(keyring.lookup('quay.io/app')).toEqual([]);
  expect(keyring.ofOtherTypes).toEqual([
    { namespace: 'team-a', name: 'opaque', type: 'Opaque' },
    { namespace: 'team-a', name: 'case', type: 'kubernetes.io/DockerConfigJson' },
  ]);
});

test('a credential says which secret it is from', () => {
  const [credential] = createKeyring([json('regcred', { 'quay.io': { username: 'u' } })]).lookup(
    'quay.io/app',
  );
  expect(credential?.source).toBe('secret team-a/regcred');
});

test('tokens count in a docker config, and not in a pull secret', () => {
  const auths = { 'quay.io': { identitytoken: 'id', registrytoken: 'reg' } };
  const [ofSecret] = createKeyring([json('s', auths)]).lookup('quay.io/app');
  expect(ofSecret).toMatchObject({ username: '', password: '' });
  expect([ofSecret?.identityToken, ofSecret?.registryToken]).toEqual([undefined, undefined]);
  const config = decodeDockerConfigJson(JSON.stringify({ auths }));
  const [ofConfig] = dockerConfigKeyring(config, 'file config.json').lookup('quay.io/app');
  expect([ofConfig?.identityToken, ofConfig?.registryToken, ofConfig?.source]).toEqual([
    'id',
    'reg',
    'file config.json',
  ]);
});

test('keys go in reverse byte order, also beyond the first Unicode plane', () => {
  const keys = ['quay.io', 'quay.io/team', '*.io', 'q*.io', 'quay.io/t'];
  const keyring = createKeyring([json('s', Object.fromEntries(keys.map((key) => [key, { username: key }])))]);
  expect(keyring.lookup('quay.io/team/app').map(({ username }) => username)).toEqual([
    'quay.io/team',
    'quay.io/t',
    'quay.io',
    'q*.io',
    '*.io',
  ]);
});

describe('for any input', () => {
  const key = fc.oneof(
    fc.string({
      unit: fc.constantFrom(...'ab.*?[]^-\\/:@#%25\n é', 'https://', '/v1/', 'quay.io'),
      maxLength: 20,
    }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('quay.io', '*.io', 'index.docker.io', '__proto__'),
  );

  test('nothing is thrown', () => {
    const content = fc.oneof(fc.dictionary(key, fc.constant({ username: 'u' })), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.array(content, { maxLength: 4 }),
        fc.oneof(key, fc.constant('quay.io/a')),
        (contents, image) => {
          const keyring = createKeyring(contents.map((auths, index) => json(`s${index}`, auths)));
          expect(keyring.lookup(image).every((credential) => credential instanceof Credential)).toBe(true);
        },
      ),
      runs(),
    );
  });

  test('a key is filed where it finds itself, and everything below', () => {
    const host = fc.stringMatching(/^[a-z0-9-]{1,8}(\.[a-z0-9-]{1,8}){0,3}(:[0-9]{1,5})?$/);
    const path = fc.stringMatching(/^(\/[a-z0-9-]{1,8}){0,3}$/);
    fc.assert(
      fc.property(host, path, path, (at, below, deeper) => {
        const keyring = createKeyring([json('s', { [`https://${at}${below}`]: { username: 'u' } })]);
        fc.pre(!/^\/v[12]\//.test(below));
        expect(keyring.lookup(`${at}${below}${deeper}`)).toHaveLength(1);
      }),
      runs(),
    );
  });

  test('megabytes of keys and images take little time', () => {
    const long = 2 ** 20;
    const nasty = ['*', '*a', '*a*', '[', '[a-', '\\', '.', '%', '%41', '@', ':', '/', '?', '#', 'a'];
    const keys = nasty.flatMap((unit) => [unit.repeat(long / unit.length), `${unit.repeat(long / 2)}b`]);
    const images = [...'a.:/%@'].map((unit) => unit.repeat(long));
    const lookUp = () => {
      const keyring = createKeyring(
        keys.map((key, index) => json(`s${index}`, { [key]: { username: 'u' } })),
      );
      for (const image of [...images, 'quay.io/app', `quay.io/${'a'.repeat(long)}`]) keyring.lookup(image);
    };
    expect(cpuMilliseconds(lookUp)).toBeLessThan(10_000);
  });

  test('many keys that are filed together take little time', () => {
    const auths = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`quay.io?${index}`, {}]));
    const lookUp = () => expect(createKeyring([json('s', auths)]).lookup('quay.io/app')).toHaveLength(20_000);
    expect(cpuMilliseconds(lookUp)).toBeLessThan(5000);
  });
});

function matches(pattern: string, target: string): boolean {
  const key = parseKey(pattern);
  const image = parseKey(target);
  return key !== undefined && image !== undefined && keyMatches(key, image);
}

function logins(credentials: readonly Credential[]): z.infer<typeof login>[] {
  return credentials.map(({ username, password }) => ({ username, password }));
}
