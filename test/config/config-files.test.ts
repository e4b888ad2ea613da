import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createAuthority } from '../support/authority.ts';
import { makeFolder } from '../support/folder.ts';

test('the files of a folder count together, whatever the depth of their keys', () => {
  using folder = makeFolder({
    'certificate.yaml': 'registries: {a.example: {plainHttp: true}}\npin: {keepTag: true}\n',
    'config.yaml': 'registries:\n  b.example: {plainHttp: true}\n  a.example: {insecure: false}\n',
  });
  const { pin, registries } = loadConfig(folder.path);
  expect(pin.keepTag).toBe(true);
  expect(registries['a.example']).toEqual({ plainHttp: true, insecure: false });
  expect(registries['b.example']).toEqual({ plainHttp: true });
});

test('other files of the folder, and those of a mounted ConfigMap itself, do not count', () => {
  using folder = makeFolder({
    'config.yaml': '',
    'ca.crt': 'no YAML: [',
    '.hidden.yaml': 'no YAML: [',
    '..data/config.yaml': 'no YAML: [',
  });
  expect(loadConfig(folder.path).pin.keepTag).toBe(false);
});

test.each([
  ['a value', 'cache: {age: 5s}', 'cache: {age: 6s}', 'cache.age'],
  ['a list', 'pin: {skip: [a.example]}', 'pin: {skip: [b.example]}', 'pin.skip'],
])('%s that two files set is a mistake that names both', (_, one, other, key) => {
  using folder = makeFolder({ 'a.yaml': one, 'b.yaml': other });
  const [a, b] = ['a.yaml', 'b.yaml'].map((name) => `${folder.path}/${name}`);
  expect(() => loadConfig(folder.path)).toThrow(
    `${folder.path} is not a valid configuration:\n  ${key}: ${a} has it and ${b} too; leave it in one of them`,
  );
});

test('a mistake is told with the file it is in', () => {
  using folder = makeFolder({ 'a.yaml': 'pin: {keepTag: true}', 'b.yaml': 'pin: {keptTag: true}' });
  expect(() => loadConfig(folder.path)).toThrow(
    `${folder.path}/b.yaml is not a valid configuration:\n  pin.keptTag: no such key`,
  );
});

test('relative paths count from the folder of the file that they are in', async () => {
  const { caPem } = await createAuthority();
  using folder = makeFolder({
    'config/a.yaml': 'registries: {a.example: {caFile: ca.crt}}',
    'config/b.yaml':
      'registries: {b.example: {caFile: ../ca.crt}}\ndockerConfig: docker.json\ncertsDirectory: none:certs.d',
    'config/ca.crt': caPem,
    'config/docker.json': '{}',
    'config/certs.d/a.example/hosts.toml': '',
    'ca.crt': caPem,
  });
  const { registries, dockerConfig, certsDirectory } = loadConfig(relative('.', join(folder.path, 'config')));
  expect(registries['a.example']?.caFile).toBe(join(folder.path, 'config/ca.crt'));
  expect(registries['b.example']?.caFile).toBe(join(folder.path, 'ca.crt'));
  expect(dockerConfig).toBe(join(folder.path, 'config/docker.json'));
  expect(certsDirectory).toBe(`${join(folder.path, 'config/none')}:${join(folder.path, 'config/certs.d')}`);
});

test('a folder without such a file is a mistake', () => {
  using folder = makeFolder({ 'config.yml': '' });
  expect(() => loadConfig(folder.path)).toThrow(
    "can't be read: the folder has no file called *.yaml; correct the path",
  );
});
