import { afterAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { createAuthority } from '../support/authority.ts';
import { configKeys } from '../support/config-keys.ts';
import { problemsOf } from '../support/config-problems.ts';
import { makeFolder } from '../support/folder.ts';

const authority = await createAuthority();
const [pair, other] = await Promise.all([authority.issue(['a']), authority.issue(['b'])]);
const folder = makeFolder({
  'tls.crt': pair.cert,
  'tls.key': pair.key,
  'other.key': other.key,
  text: 'no PEM',
});
afterAll(() => folder[Symbol.dispose]());
const at = (name: string) => `${folder.path}/${name}`;

/** The key set to the value, in a document of its own. `HOST` stands for a registry, `[]` for a list's first. */
function written(key: string, value: unknown): string {
  const nested = key
    .split('.')
    .reverse()
    .reduce<unknown>((inner, part) => {
      const name = part === 'HOST' ? 'r.example' : part.replace('[]', '');
      return { [name]: part.endsWith('[]') ? [inner] : inner };
    }, value);
  return stringify(nested);
}

const told = (key: string) => key.replace('.HOST', '["r.example"]').replace('[]', '[0]');

const bool = 'write true or false';
const list = 'write a list, such as [a, b]';
const modes = 'write one of enforce, best-effort, audit';
const pem = 'the file must be there and hold certificates in PEM';

/** A key, what is wrongly written there, how a message shows that, and what it says to write; `in` for a place below the key. */
const mistakes: { key: string; value: unknown; shown?: string; remedy: string; in?: string }[] = [
  { key: 'log.level', value: 'loud', remedy: 'write one of trace, debug, info, warn, error, silent' },
  { key: 'webhook.port', value: 99_999, remedy: 'write a port number from 1 to 65535' },
  { key: 'webhook.port', value: '8443', remedy: 'write a port number from 1 to 65535' },
  { key: 'webhook.port', value: 1.5, remedy: 'write a port number from 1 to 65535' },
  { key: 'webhook.healthPort', value: 0, remedy: 'write a port number from 1 to 65535' },
  { key: 'webhook.service', value: '', shown: '""', remedy: 'write the name of the Service' },
  { key: 'webhook.secret', value: 7, remedy: 'write text; in quotes, if it looks like something else' },
  {
    key: 'webhook.webhookConfiguration',
    value: ['a'],
    shown: '',
    remedy: 'write text; in quotes, if it',
  },
  { key: 'webhook.drain', value: 30, remedy: 'write a duration from 0s to 10m, such as 30s' },
  { key: 'webhook.drain', value: true, remedy: 'write a duration from 0s to 10m, such as 30s' },
  { key: 'webhook.certificate.certFile', value: 7, remedy: 'write the path of the certificate' },
  { key: 'webhook.certificate.keyFile', value: '', shown: '""', remedy: 'write the path of the key' },
  { key: 'webhook.inFlight', value: '64MB', remedy: 'write a size from 8Mi to 4Gi, such as 64Mi' },
  {
    key: 'webhook.inFlight',
    value: { a: 1 },
    shown: '',
    remedy: 'write a size from 8Mi to 4Gi, such as 64Mi',
  },
  { key: 'pin.keepTag', value: 'yes', remedy: bool },
  { key: 'pin.pullPolicy', value: 'Always', remedy: 'write one of IfNotPresent, keep' },
  { key: 'pin.otherDigest', value: 'Stored', remedy: 'write one of keep, stored' },
  { key: 'pin.whenGone', value: 'digest', remedy: 'write one of keep, tag' },
  { key: 'pin.skip', value: 'quay.io/*', remedy: list },
  { key: 'pin.skip', value: [''], shown: '""', remedy: 'write a glob, such as', in: '[0]' },
  { key: 'pin.skipAnnotation', value: ['on'], shown: 'on', remedy: modes, in: '[0]' },
  { key: 'cache.entries', value: 0, remedy: 'write a whole number from 1 to 10000000' },
  { key: 'cache.age', value: '0s', remedy: 'write a duration from 1ms to 168h, such as 30s' },
  { key: 'cache.negativeAge', value: '1h', remedy: 'write a duration from 0s to 5m, such as 30s' },
  { key: 'cache.staleAge', value: 'a while', shown: '"a while"', remedy: 'write a duration from 0s to 168h' },
  { key: 'limits.concurrency', value: 'many', remedy: 'write a whole number from 1 to 10000' },
  { key: 'limits.queue', value: -1, remedy: 'write a whole number from 0 to 100000' },
  { key: 'registries.HOST.plainHttp', value: 'on', remedy: bool },
  { key: 'registries.HOST.caFile', value: '/absent/ca.crt', remedy: pem },
  { key: 'registries.HOST.caFile', value: true, remedy: 'write the path of certificates in PEM' },
  { key: 'registries.HOST.clientCertFile', value: 7, remedy: 'write the path of a certificate in PEM' },
  { key: 'registries.HOST.clientKeyFile', value: '', shown: '""', remedy: 'write the path of a key in PEM' },
  { key: 'registries.HOST.insecure', value: 1, remedy: bool },
  {
    key: 'registries.HOST.mirrors[].endpoint',
    value: 'mirror.example',
    remedy: 'write a URL, such as https://',
  },
  { key: 'registries.HOST.mirrors[].endpoint', value: 7, remedy: 'write a URL, such as https://' },
  { key: 'registries.HOST.mirrors[].capabilities', value: [], shown: '', remedy: 'write at least one' },
  {
    key: 'registries.HOST.mirrors[].capabilities',
    value: ['push'],
    shown: 'push',
    remedy: 'write one of pull, resolve',
    in: '[0]',
  },
  { key: 'registries.HOST.mirrors[].sendCredentials', value: 'never', remedy: bool },
  {
    key: 'registries.HOST.pullThrough',
    value: ['/hub/'],
    shown: '/hub/',
    remedy: 'write a prefix without slashes around it',
    in: '[0]',
  },
  { key: 'certsDirectory', value: '/absent/certs.d', remedy: 'the folder must be there and be readable' },
  { key: 'certsDirectory', value: '', shown: '""', remedy: 'write the path of a folder' },
  { key: 'denyPrivateRegistries', value: 'maybe', remedy: bool },
  {
    key: 'credentials.cloud',
    value: ['aws'],
    shown: 'aws',
    remedy: 'write one of ecr, google, azure',
    in: '[0]',
  },
  { key: 'dockerConfig', value: '/absent/config.json', remedy: 'there is no such file' },
  { key: 'dockerConfig', value: '', shown: '""', remedy: 'write the path of a docker config' },
];

test('each key of the configuration is tried', () => {
  expect([...new Set(mistakes.map(({ key }) => key))].sort()).toEqual(configKeys().sort());
});

test.each(mistakes)('$key: $value is told with the key, the value, and what to write', (mistake) => {
  const { key, value, shown = String(value), remedy, in: place = '' } = mistake;
  const problems = problemsOf(written(key, value)).filter((problem) => problem.startsWith(told(key)));
  expect(problems).toHaveLength(1);
  const [problem = ''] = problems;
  expect(problem).toMatch(new RegExp(`^${RegExp.escape(told(key) + place)}: `));
  expect(problem).toContain(shown);
  expect(problem).toContain(remedy);
  expect(problem).not.toMatch(/Invalid|expected|received/);
});

test.each([
  'log',
  'webhook',
  'webhook.certificate',
  'pin',
  'cache',
  'limits',
  'registries',
  'registries.HOST',
  'credentials',
])('%s: text in place of the keys below it is told', (key) => {
  expect(problemsOf(written(key, 'text'))).toEqual([
    `${told(key)}: text: write a mapping, with the keys that it has below it`,
  ]);
});

test.each(['[]', 'text', '7'])('the file: %s in place of keys is told', (text) => {
  const [problem, ...others] = problemsOf(text);
  expect(others).toEqual([]);
  expect(problem).toMatch(/^the file: .*write a mapping/);
});

describe('of a pair of files', () => {
  const certificate = (certFile: string, keyFile: string) =>
    problemsOf(JSON.stringify({ webhook: { certificate: { certFile, keyFile } } }));

  test('a missing key is told under its own name, whatever the certificate is', () => {
    const remedy = 'the file must be there and hold a key in PEM, without a passphrase';
    expect(certificate(at('tls.crt'), '/absent')).toEqual([
      `webhook.certificate.keyFile: /absent: ${remedy}`,
    ]);
    expect(certificate(at('text'), '/absent')).toEqual([
      `webhook.certificate.certFile: ${at('text')}: ${pem}`,
      `webhook.certificate.keyFile: /absent: ${remedy}`,
    ]);
  });

  test("another certificate's key is told", () => {
    expect(certificate(at('tls.crt'), at('other.key'))).toEqual([
      `webhook.certificate.keyFile: ${at('other.key')}: it isn't the certificate's key; take both from one issue`,
    ]);
  });
});

test('a password in a URL is not told', () => {
  const problems = problemsOf(
    written('registries.HOST.mirrors[].endpoint', 'https://u:hunter2@m.example'),
  ).join();
  expect(problems).toContain('https://…@m.example');
  expect(problems).not.toContain('hunter2');
});

test('an unknown key is told, and what stands there is not', () => {
  expect(problemsOf('cache: {ages: hunter2}')).toEqual([
    'cache.ages: no such key; remove it or correct its name',
  ]);
});
