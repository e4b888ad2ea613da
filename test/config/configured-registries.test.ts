import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  ConfiguredRegistries,
  type RegistriesConfig,
  UnusableRegistries,
} from '../../src/config/configured-registries.ts';
import { createAuthority } from '../support/authority.ts';
import { type Folder, makeFolder } from '../support/folder.ts';

const [before, after] = [await createAuthority('Before'), await createAuthority('After')];

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => {
  vi.restoreAllMocks();
  folder[Symbol.dispose]();
});

/** Reads what is configured; `later` lets so much time pass that it is looked at again. */
function open(config: Partial<RegistriesConfig> = { certsDirectory: folder.path }) {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
  const told: UnusableRegistries[] = [];
  const registries = new ConfiguredRegistries({ registries: {}, ...config }, (error) => told.push(error));
  return {
    told,
    settingsOf: (host: string) => registries.current.settings.get(host),
    now: () => registries.current,
    later: () => clock.mockReturnValue(clock() + 5_000),
  };
}

const mirror = (name: string) => `[host."https://${name}.example"]\n`;
const mirrorsOf = (settings: ReturnType<ReturnType<typeof open>['settingsOf']>) =>
  settings?.mirrors?.map(({ root }) => root.hostname);

describe('a folder of hosts.toml that changes', () => {
  test('counts as it is now, but is not looked at all the time', () => {
    folder.write('docker.io/hosts.toml', mirror('before'));
    const { settingsOf, later } = open();
    folder.write('docker.io/hosts.toml', mirror('after'));
    expect(mirrorsOf(settingsOf('docker.io'))).toEqual(['before.example']);
    later();
    expect(mirrorsOf(settingsOf('docker.io'))).toEqual(['after.example']);
  });

  test('may get hosts, and lose them', () => {
    folder.write('docker.io/hosts.toml', mirror('m'));
    const { settingsOf, later } = open();
    folder.write('quay.io/hosts.toml', mirror('q'));
    rmSync(join(folder.path, 'docker.io'), { recursive: true });
    later();
    expect(mirrorsOf(settingsOf('quay.io'))).toEqual(['q.example']);
    expect(settingsOf('docker.io')).toBeUndefined();
  });

  test('may get a hosts.toml where there were certificates', () => {
    folder.write('quay.io/ca.crt', before.caPem);
    const { settingsOf, later } = open();
    folder.write('quay.io/hosts.toml', mirror('q'));
    later();
    expect(settingsOf('quay.io')).toMatchObject({ tls: {} });
    expect(mirrorsOf(settingsOf('quay.io'))).toEqual(['q.example']);
  });

  test('changes with the certificates that it names elsewhere', () => {
    using elsewhere = makeFolder({ 'ca.pem': before.caPem });
    folder.write('docker.io/hosts.toml', `ca = "${elsewhere.path}/ca.pem"`);
    const { settingsOf, later } = open();
    elsewhere.write('ca.pem', after.caPem);
    later();
    expect(settingsOf('docker.io')?.tls?.ca).toEqual([after.caPem]);
  });

  test('changes as the kubelet changes a mounted ConfigMap: by a link to files as long and as old', () => {
    for (const version of ['one', 'two']) {
      const file = folder.write(`..${version}/hosts.toml`, mirror(version));
      utimesSync(file, 1_000, 1_000);
    }
    symlinkSync('..one', join(folder.path, '..data'));
    mkdirSync(join(folder.path, 'docker.io'));
    symlinkSync('../..data/hosts.toml', join(folder.path, 'docker.io', 'hosts.toml'));
    const { settingsOf, later } = open();
    expect(mirrorsOf(settingsOf('docker.io'))).toEqual(['one.example']);
    symlinkSync('..two', join(folder.path, '..data_tmp'));
    renameSync(join(folder.path, '..data_tmp'), join(folder.path, '..data'));
    later();
    expect(mirrorsOf(settingsOf('docker.io'))).toEqual(['two.example']);
  });

  test('that has not changed is the same', () => {
    folder.write('docker.io/hosts.toml', mirror('m'));
    const { now, later } = open();
    const first = now();
    later();
    expect(now()).toBe(first);
  });
});

test("the certificates in the configuration's own files are renewed", async () => {
  const [old, renewed] = [await before.issue(['client']), await before.issue(['client'])];
  const clientCertFile = folder.write('tls.crt', old.cert);
  const clientKeyFile = folder.write('tls.key', old.key);
  const caFile = folder.write('ca.crt', before.caPem);
  const registries = { 'r.example': { caFile, clientCertFile, clientKeyFile } };
  const { settingsOf, later, told } = open({ registries });
  expect(settingsOf('r.example')?.tls).toEqual({ ca: [before.caPem], cert: [old.cert], key: [old.key] });
  folder.write('ca.crt', after.caPem);
  // A Secret's files change together, but whoever copies them by hand does it one by one.
  folder.write('tls.crt', renewed.cert);
  later();
  expect(settingsOf('r.example')?.tls).toEqual({ ca: [before.caPem], cert: [old.cert], key: [old.key] });
  expect(told.map(({ problems }) => problems)).toEqual([
    [
      `registries["r.example"].clientKeyFile: ${clientKeyFile}: it isn't the certificate's key; take both from one issue`,
    ],
  ]);
  folder.write('tls.key', renewed.key);
  later();
  expect(settingsOf('r.example')?.tls).toEqual({
    ca: [after.caPem],
    cert: [renewed.cert],
    key: [renewed.key],
  });
});

describe('what has changed into something unusable', () => {
  test('stays what it was, is told once with file and key, and recovers', () => {
    const file = folder.write('docker.io/hosts.toml', mirror('before'));
    const { settingsOf, later, told } = open();
    folder.write('docker.io/hosts.toml', 'server = 1\n');
    for (let look = 0; look < 3; look++) {
      later();
      expect(mirrorsOf(settingsOf('docker.io'))).toEqual(['before.example']);
    }
    expect(told.map(({ problems }) => problems)).toEqual([[expect.stringContaining(`${file}: server: `)]]);
    folder.write('docker.io/hosts.toml', mirror('after'));
    later();
    expect(mirrorsOf(settingsOf('docker.io'))).toEqual(['after.example']);
  });

  test('may be away for a while', () => {
    folder.write('certs.d/docker.io/hosts.toml', mirror('m'));
    const certsDirectory = join(folder.path, 'certs.d');
    const { settingsOf, later, told } = open({ certsDirectory });
    renameSync(certsDirectory, join(folder.path, 'away'));
    later();
    expect(mirrorsOf(settingsOf('docker.io'))).toEqual(['m.example']);
    expect(told.map(({ problems }) => problems)).toEqual([
      [`${certsDirectory}: the folder must be there and be readable`],
    ]);
    renameSync(join(folder.path, 'away'), certsDirectory);
    later();
    settingsOf('docker.io');
    expect(told).toHaveLength(1);
  });

  test('at the start is an error', () => {
    folder.write('docker.io/hosts.toml', 'server = 1\n');
    expect(() => open()).toThrow(UnusableRegistries);
    expect(() => open()).toThrow(/docker\.io\/hosts\.toml: server: /);
  });
});
