import { afterAll, describe, expect, test } from 'vitest';
import { readEnvironment } from '../../src/config/environment.ts';
import { InvalidConfig } from '../../src/config/invalid-config.ts';
import { readRegistry } from '../../src/config/registry-config.ts';
import type { RegistrySettings } from '../../src/config/registry-settings.ts';
import { TrackedFiles } from '../../src/config/tracked-files.ts';
import { parseConfig } from '../../src/config.ts';
import { createAuthority } from '../support/authority.ts';
import { problemsOf } from '../support/config-problems.ts';
import { makeFolder } from '../support/folder.ts';

const authority = await createAuthority();
const client = await authority.issue(['client']);
const other = await authority.issue(['other']);
const files = makeFolder({
  'ca.crt': authority.caPem,
  'client.crt': client.cert,
  'client.key': client.key,
  'other.key': other.key,
  'no.crt': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
});
afterAll(() => files[Symbol.dispose]());
const at = (name: string) => `${files.path}/${name}`;

function settingsOf(yaml: string): RegistrySettings {
  const { registries } = parseConfig(`registries: {r.example: ${yaml}}`, 'x');
  return readRegistry(registries['r.example'] ?? {}, new TrackedFiles()).settings;
}

describe('a registry', () => {
  test('has CAs, a client certificate, and may go unchecked', () => {
    const settings = settingsOf(
      `{caFile: ${at('ca.crt')}, clientCertFile: ${at('client.crt')}, clientKeyFile: ${at('client.key')}, insecure: true}`,
    );
    expect(settings.tls).toEqual({
      ca: [authority.caPem],
      cert: [client.cert],
      key: [client.key],
      insecure: true,
    });
  });

  test('has mirrors, which may do everything with no credentials unless something else is said', () => {
    const settings = settingsOf(
      '{mirrors: [{endpoint: "https://a.example"}, {endpoint: "http://b.example:5000/v2/proxy", capabilities: [pull], sendCredentials: true}]}',
    );
    expect(settings.mirrors).toEqual([
      {
        root: new URL('https://a.example/v2/'),
        capabilities: ['pull', 'resolve'],
        sendCredentials: false,
      },
      {
        root: new URL('http://b.example:5000/v2/proxy/'),
        capabilities: ['pull'],
        sendCredentials: true,
      },
    ]);
  });

  test('about which nothing is said has no settings', () => {
    expect(settingsOf('{}')).toEqual({});
    expect(settingsOf('{insecure: false}')).toEqual({});
  });
});

test('all mistakes are told at once, each with its path', () => {
  const problems = problemsOf(`denyPrivateRegistries: maybe
certsDirectory: /does/not/exist
registries:
  a.example: {caFile: ${at('no.crt')}, clientCertFile: ${at('client.crt')}}
  b.example: {clientKeyFile: ${at('client.key')}}
  c.example: {clientCertFile: ${at('client.crt')}, clientKeyFile: ${at('other.key')}}
  d.example: {plainHttp: true, insecure: true}
  e.example: {mirrors: [{endpoint: mirror.example}, {endpoint: "https://u:p@m.example", capabilities: [push]}]}
  f.example: {pullThrough: [/hub/], mirrors: [{}]}
  user@g.example: {insecure: maybe, cafile: x}
`);
  const expected = [
    'denyPrivateRegistries: maybe: write true or false',
    'certsDirectory: /does/not/exist: the folder must be there',
    `registries["a.example"].caFile: ${at('no.crt')}: the file must be there and hold certificates in PEM`,
    'registries["a.example"].clientKeyFile: it belongs to clientCertFile',
    'registries["b.example"].clientCertFile: it belongs to clientKeyFile',
    `registries["c.example"].clientKeyFile: ${at('other.key')}: it isn't the certificate's key`,
    'registries["d.example"].plainHttp: true: plain HTTP has no use for certificates',
    'registries["e.example"].mirrors[0].endpoint: mirror.example: write a URL',
    'registries["e.example"].mirrors[1].endpoint: https://…@m.example: write a URL',
    'registries["e.example"].mirrors[1].capabilities[0]: ',
    'registries["f.example"].pullThrough[0]: /hub/: write a prefix',
    'registries["f.example"].mirrors[0].endpoint: ',
    'registries["user@g.example"]: write a host',
    'registries["user@g.example"].insecure: maybe: write true or false',
    'registries["user@g.example"].cafile: no such key',
  ];
  for (const problem of expected) {
    expect(
      problems.some((told) => told.startsWith(problem)),
      `${problem} in\n${problems.join('\n')}`,
    ).toBe(true);
  }
  expect(problems).toHaveLength(expected.length);
  expect(problems.join()).not.toContain('u:p@');
});

describe('proxies', () => {
  const proxiesOf = (environment: Record<string, string>) => readEnvironment(environment).proxies;

  test('are read in upper case, then lower', () => {
    expect(
      proxiesOf({
        HTTP_PROXY: 'http://a.example:3128',
        http_proxy: 'http://b.example:3128',
        https_proxy: 'c.example:3128',
        no_proxy: '.svc,10.0.0.0/8',
      }),
    ).toEqual({ http: 'http://a.example:3128', https: 'http://c.example:3128', noProxy: '.svc,10.0.0.0/8' });
    expect(proxiesOf({ HTTPS_PROXY: '' })).toEqual({ http: undefined, https: undefined, noProxy: '' });
  });

  test('that are none are told by name, without their password', () => {
    const read = () => readEnvironment({ HTTPS_PROXY: 'ftp://u:secret@h', HTTP_PROXY: 'http://u:secret@' });
    expect(read).toThrow(InvalidConfig);
    expect(read).toThrow(/HTTP_PROXY: write.*\n.*HTTPS_PROXY: write/);
    expect(read).not.toThrow(/secret/);
  });
});
