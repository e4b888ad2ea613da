import { format, inspect } from 'node:util';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Credential, fingerprint } from '../../src/credentials/credential.ts';

const make = (username: string, password: string, source = 'test') =>
  new Credential({ username, password, source });

test('no way of printing a credential shows its secrets', () => {
  const fields = {
    username: 'hunter1',
    password: 'hunter2',
    identityToken: 'hunter3',
    registryToken: 'hunter4',
  };
  const credential = new Credential({ ...fields, source: 'secret team-a/regcred' });
  expect(credential).toMatchObject(fields);
  let logged = '';
  pino({}, { write: (line: string) => (logged += line) }).info(
    { credential, list: [credential] },
    '%o',
    credential,
  );
  const printed = [
    JSON.stringify({ credential }),
    inspect({ credential }, { depth: null, showHidden: true, getters: true }),
    format('%s %o %O %j', credential, credential, credential, credential),
    `${credential}`,
    String([credential]),
    JSON.stringify({ ...credential }),
    inspect(structuredClone(credential)),
    inspect(new Error('failed', { cause: credential })),
    logged,
  ].join('\n');
  expect(printed).not.toContain('hunter');
  expect(printed).toContain('secret team-a/regcred');
});

test('the fingerprint is that of the secrets in their order, wherever they come from', () => {
  const [a, b] = [make('a', '1'), make('b', '2')];
  expect(fingerprint([a, b])).toBe(fingerprint([make('a', '1', 'elsewhere'), make('b', '2')]));
  expect(fingerprint([a, b])).not.toBe(fingerprint([b, a]));
  expect(fingerprint([a])).not.toBe(fingerprint([a, a]));
  expect(fingerprint([])).toBe('');
});

test('the fingerprint tells apart what reads the same when run together', () => {
  const credentials = [
    make('a', 'bc'),
    make('ab', 'c'),
    make('', 'abc'),
    make('abc', ''),
    make('a","b', 'c'),
    make('a', '","bc'),
    new Credential({ username: 'a', identityToken: 'bc', source: 'test' }),
    new Credential({ username: 'a', registryToken: 'bc', source: 'test' }),
  ];
  expect(new Set(credentials.map((credential) => fingerprint([credential]))).size).toBe(credentials.length);
  expect(fingerprint([make('', '')])).not.toBe('');
});

test('the fingerprint shows nothing', () => {
  expect(fingerprint([make('hunter1', 'hunter2')])).toMatch(/^[\w-]{43}$/);
});
