import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type DockerConfig,
  decodeAuth,
  decodeDockerConfigJson,
  decodeDockercfg,
  decodeEntry,
  InvalidDockerConfig,
} from '../../src/credentials/docker-config.ts';
import { cpuMilliseconds } from '../support/cpu-time.ts';
import { runs } from '../support/runs.ts';
import { cases, notApplied, prose, testedIn, vectors } from '../support/vectors.ts';

vectors('keyring.json', {
  rules: prose,
  authDecode: cases(
    z.discriminatedUnion('ok', [
      z.object({ auth: z.string(), ok: z.literal(true), username: z.string(), password: z.string() }),
      z.object({ auth: z.string(), ok: z.literal(false), error: z.enum(['base64', 'colon']) }),
    ]),
    ({ auth }) => JSON.stringify(auth),
    (c) => {
      if (c.ok) expect(decodeAuth(c.auth)).toEqual({ username: c.username, password: c.password });
      else expect(faultOf(() => decodeAuth(c.auth))).toBe(c.error);
    },
  ),
  entryDecode: cases(
    z.discriminatedUnion('ok', [
      z.object({ entryJson: z.string(), ok: z.literal(true), username: z.string(), password: z.string() }),
      z.object({ entryJson: z.string(), ok: z.literal(false) }),
    ]),
    ({ entryJson }) => entryJson,
    (c) => {
      const decode = () => decodeEntry(JSON.parse(c.entryJson));
      if (c.ok) expect(decode()).toMatchObject({ username: c.username, password: c.password });
      else expect(decode).toThrow(InvalidDockerConfig);
    },
  ),
  ggcrEntryDecode: cases(
    z.discriminatedUnion('ok', [
      z.object({
        entryJson: z.string(),
        ok: z.literal(true),
        username: z.string(),
        password: z.string(),
        identitytoken: z.string(),
        registrytoken: z.string(),
      }),
      z.object({ entryJson: z.string(), ok: z.literal(false) }),
    ]),
    ({ entryJson }) => entryJson,
    (c) => {
      const decode = () => decodeEntry(JSON.parse(c.entryJson));
      if (!c.ok) {
        expect(decode).toThrow(InvalidDockerConfig);
        return;
      }
      const { username, password, identityToken = '', registryToken = '' } = decode();
      expect({ username, password, identitytoken: identityToken, registrytoken: registryToken }).toEqual({
        username: c.username,
        password: c.password,
        identitytoken: c.identitytoken,
        registrytoken: c.registrytoken,
      });
    },
  ),
  globMatch: testedIn('test/credentials/keyring.test.ts'),
  keyNormalize: testedIn('test/credentials/keyring.test.ts'),
  lookup: testedIn('test/credentials/keyring.test.ts'),
  isDefaultRegistry: testedIn('test/credentials/keyring.test.ts'),
  criParseAuth: notApplied(
    'it is how containerd picks from what the kubelet hands it, for a host it knows already',
  ),
});

describe('base64 as in Go', () => {
  test.each(['YWI6Y2Q=', 'YWI6Y2Q', 'YWI6\nY2Q\r=\n', 'YWI6Y2R='])('%j is ab:cd', (auth) => {
    expect(decodeAuth(auth)).toEqual({ username: 'ab', password: 'cd' });
  });

  test.each(['YWI6Y2Q=YWI6', 'YWI6Y2Q==', 'YWI6Y2Q=\t', 'YWI6Y', 'YWI6Y2Q=!', 'YWI6Y2Q-', 'YWI6Yg=', '='])(
    '%j is not base64',
    (auth) => {
      expect(faultOf(() => decodeAuth(auth))).toBe('base64');
    },
  );

  test('the password of a Google service account keeps its colons and newlines', () => {
    const key = '{\n "type": "service_account",\n "private_key": "-----BEGIN:"\n}';
    const auth = Buffer.from(`_json_key:${key}`).toString('base64');
    expect(decodeAuth(auth)).toEqual({ username: '_json_key', password: key });
  });
});

describe('names as in Go', () => {
  const expected: DockerConfig = new Map([['quay.io', { username: 'u', password: 'p' }]]);

  test.each([
    '{"auths":{"quay.io":{"username":"u","password":"p"}}}',
    '{"Auths":{"quay.io":{"USERNAME":"u","Password":"p"}}}',
    '{"auth\u017f":{"quay.io":{"u\u017fername":"u","pa\u017f\u017fword":"p"}}}',
    '{"auths":{"quay.io":{"username":"x","Username":"u","password":"p","PASSWORD":null}}}',
    '{"auths":{"quay.io":{"username":"x"},"quay.io":{"username":"u","password":"p"}}}',
    '{"auths":{"quay.io":{"username":"u","password":"p"}},"credsStore":"desktop","HttpHeaders":{"a":null}}',
  ])('%s', (text) => {
    expect(decodeDockerConfigJson(text)).toEqual(expected);
  });

  test('no other letters fold', () => {
    expect(decodeEntry({ pa\u00DFword: 'p', \u0131dentitytoken: 't' })).toEqual({
      username: '',
      password: '',
    });
  });
});

describe('what is no entry', () => {
  test.each(['null', '{}', '{"auths":null}', '{"auths":{}}'])('%s is an empty config', (text) => {
    expect(decodeDockerConfigJson(text).size).toBe(0);
  });

  test.each(['null', '{}'])('%s is an empty .dockercfg', (text) => {
    expect(decodeDockercfg(text).size).toBe(0);
  });

  test('a null entry is an empty one', () => {
    expect(decodeDockercfg('{"quay.io":null}')).toEqual(
      new Map([['quay.io', { username: '', password: '' }]]),
    );
  });

  test.each([
    ['', 'json'],
    ['{"auths":{}}x', 'json'],
    ['\ufeff{"auths":{}}', 'json'],
    ['[]', 'type'],
    ['"auths"', 'type'],
    ['{"auths":[]}', 'type'],
    ['{"auths":{"quay.io":[]}}', 'type'],
    ['{"auths":{"__proto__":{"username":1}}}', 'type'],
    ['{"auths":{},"HttpHeaders":{"a":1}}', 'type'],
    ['{"auths":{"quay.io":{"email":1}}}', 'type'],
  ])('%j fails by %s', (text, reason) => {
    expect(faultOf(() => decodeDockerConfigJson(text))).toBe(reason);
  });

  test('a token of the wrong type is none: the kubelet would not look at it', () => {
    const entry = { username: 'u', password: 'p' };
    expect(decodeEntry({ ...entry, identitytoken: 1, registrytoken: {} })).toEqual(entry);
  });
});

test('a message names the entry, but neither content nor user info', () => {
  const auth = Buffer.from('hunter2').toString('base64');
  for (const text of [
    `{"auths":{"https://user:hunter2@quay.io/v1/":{"auth":"${auth}"}}}`,
    '{"auths":{"https://user:hunter2@quay.io/v1/":{"auth":"hunter2!"}}}',
    '{"auths":{"https://user:hunter2@quay.io/v1/?token=hunter2":{"username":["hunter2"]}}}',
    '{"auths":{"quay.io":{"password":"hunter2"',
    'hunter2',
  ]) {
    const error = thrownBy(() => decodeDockerConfigJson(text));
    expect(`${error.stack}${JSON.stringify(error)}${error.cause}`).not.toMatch(/hunter2|aHVudGVyMg/);
    if (error.reason !== 'json') expect(error).toMatchObject({ registry: 'quay.io' });
  }
});

describe('for any input', () => {
  // Small, because making them takes far longer than reading them.
  const size = { maxKeys: 4, noNullPrototype: true } as const;
  const value = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.string(), fc.base64String());
  const name = fc.constantFrom(
    'auths',
    'Auths',
    'auth',
    'username',
    'PASSWORD',
    'identitytoken',
    '__proto__',
    'quay.io',
  );
  const object = fc.dictionary(name, fc.oneof(value, fc.dictionary(name, value, size)), size);
  const config = fc.dictionary(name, object, size);
  const text = fc.oneof(
    config.map((json) => JSON.stringify(json)),
    fc.json(),
    fc.string({ unit: 'binary' }),
  );

  test('nothing but InvalidDockerConfig is thrown', () => {
    fc.assert(
      fc.property(text, (content) => {
        for (const decode of [decodeDockerConfigJson, decodeDockercfg, decodeAuth]) {
          try {
            decode(content);
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidDockerConfig);
          }
        }
      }),
      runs(),
    );
  });

  test('what is encoded decodes, padded or not', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.boolean(), (user, password, padded) => {
        fc.pre(!user.includes(':') && user.isWellFormed() && password.isWellFormed());
        const base64 = Buffer.from(`${user}:${password}`).toString('base64');
        const auth = padded ? base64 : base64.replace(/=+$/, '');
        expect(decodeAuth(auth)).toEqual({ username: user, password });
      }),
      runs(),
    );
  });

  test.each(['a', '=', '\n', 'a=', ' ', ':'])('an auth of a megabyte of %j takes little time', (unit) => {
    const long = unit.repeat(2 ** 20 / unit.length);
    const decode = () => expect(() => decodeAuth(long)).toThrow(InvalidDockerConfig);
    expect(cpuMilliseconds(decode)).toBeLessThan(5000);
  });

  test('deep nesting and many entries take little time', () => {
    const entries = Array.from({ length: 20_000 }, (_, index) => `"r${index}.io":{"username":"u"}`);
    const decode = () => {
      thrownBy(() => decodeDockerConfigJson('['.repeat(2 ** 20)));
      expect(decodeDockercfg(`{${entries}}`).size).toBe(20_000);
    };
    expect(cpuMilliseconds(decode)).toBeLessThan(5000);
  });
});

function thrownBy(action: () => unknown): InvalidDockerConfig {
  try {
    action();
  } catch (error) {
    if (error instanceof InvalidDockerConfig) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function faultOf(action: () => unknown): string {
  return thrownBy(action).reason;
}
