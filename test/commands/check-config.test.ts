import { expect, test } from 'vitest';
import { createAuthority } from '../support/authority.ts';
import { tagpin } from '../support/command-line.ts';
import { makeFolder } from '../support/folder.ts';

const check = (path: string, env?: Readonly<Record<string, string>>) =>
  tagpin(['serve', '--check', '--config', path], env);

test('a configuration without mistakes is valid, and nothing is started', async () => {
  using folder = makeFolder({ 'config.yaml': 'cache: {age: 30s}' });
  expect(await check(`${folder.path}/config.yaml`)).toMatchObject({
    code: 0,
    stdout: `${folder.path}/config.yaml is valid\n`,
    stderr: '',
  });
});

test('the defaults are valid', async () => {
  expect(await tagpin(['serve', '--check'])).toMatchObject({
    code: 0,
    stdout: 'the default configuration is valid\n',
  });
});

test('all mistakes are reported: of each file, of the files that it names, and of the environment', async () => {
  using folder = makeFolder({
    'a.yaml': 'webhook: {port: 99999}\nregistries: {a.example: {caFile: /absent.crt, plainHttp: 5}}',
    'b.yaml': 'cache: {ages: 1s}\ndockerConfig: /absent.json',
    'c.yaml': 'pin: [',
    'd.yaml': 'webhook: {port: 8443}',
  });
  const { code, stderr } = await check(folder.path, { HTTPS_PROXY: 'ftp://proxy.example.com' });
  expect(stderr.split('\n')).toEqual([
    `tagpin: ${folder.path}/a.yaml is not a valid configuration:`,
    '  webhook.port: 99999: write a port number from 1 to 65535',
    '  registries["a.example"].plainHttp: 5: write true or false',
    '  registries["a.example"].caFile: /absent.crt: the file must be there and hold certificates in PEM',
    `${folder.path}/b.yaml is not a valid configuration:`,
    '  cache.ages: no such key; remove it or correct its name',
    "  dockerConfig: docker config /absent.json can't be read: there is no such file; correct the path",
    `${folder.path}/c.yaml is not a valid configuration:`,
    expect.stringMatching(/^ {2}line 1: /),
    `${folder.path} is not a valid configuration:`,
    `  webhook.port: ${folder.path}/a.yaml has it and ${folder.path}/d.yaml too; leave it in one of them`,
    'the environment is not a valid configuration:',
    '  HTTPS_PROXY: write the URL of a proxy, such as http://proxy.example.com:3128',
    '',
  ]);
  expect(code).toBe(2);
});

test('a certificate that the API server could not verify is a mistake', async () => {
  const authority = await createAuthority();
  const { cert, key } = await authority.issue(['other.tagpin-system.svc']);
  using folder = makeFolder({ 'tls.crt': cert, 'tls.key': key });
  const [certFile, keyFile] = [`${folder.path}/tls.crt`, `${folder.path}/tls.key`];
  const file = folder.write(
    'config.yaml',
    JSON.stringify({ webhook: { certificate: { certFile, keyFile } } }),
  );
  const { code, stderr } = await check(file);
  expect(stderr).toBe(
    `tagpin: ${file} is not a valid configuration:\n` +
      `  webhook.certificate: certificate ${certFile}: it isn't for tagpin.tagpin-system.svc; ` +
      'mount a valid one for tagpin.tagpin-system.svc\n',
  );
  expect(code).toBe(2);
});

test('a missing path is a mistake', async () => {
  const { code, stderr } = await check('/absent');
  expect(stderr).toBe(
    "tagpin: configuration /absent can't be read: there is no such file; correct the path\n",
  );
  expect(code).toBe(2);
});
