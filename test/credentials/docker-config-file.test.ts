import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { type Credential, CredentialError } from '../../src/credentials/credential.ts';
import { DockerConfigFile } from '../../src/credentials/docker-config-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-docker-config-'));
const path = join(folder, 'config.json');
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

const write = (content: unknown, to = path) => writeFileSync(to, JSON.stringify(content));

const entry = (username: string) => ({ auth: Buffer.from(`${username}:secret`).toString('base64') });

const names = (credentials: readonly Credential[]) => credentials.map(({ username }) => username);

/** Opens the file; `later` lets so much time pass that it is looked at again. */
function open(onUnreadable?: (error: CredentialError) => void) {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
  const file = new DockerConfigFile(path, onUnreadable);
  return { file, later: () => clock.mockReturnValue(clock() + 5_000) };
}

describe('a docker config on disk', () => {
  test('gives what matches by the rules of the kubelet, the longest key first', async () => {
    write({
      auths: {
        'quay.io': entry('all'),
        'https://quay.io/team': entry('team'),
        '*.example.com': entry('glob'),
        'https://index.docker.io/v1/': entry('hub'),
      },
    });
    const { file } = open();
    expect(names(await file.credentials('quay.io/team/app'))).toEqual(['team', 'all']);
    expect(names(await file.credentials('eu.example.com/app'))).toEqual(['glob']);
    expect(names(await file.credentials('docker.io/library/nginx'))).toEqual(['hub']);
    expect(await file.credentials('ghcr.io/app')).toEqual([]);
  });

  test('gives tokens too, and says which file they are from', async () => {
    write({ auths: { 'quay.io': { identitytoken: 'id' }, 'ghcr.io': { registrytoken: 'reg' } } });
    const { file } = open();
    const [identity] = await file.credentials('quay.io/app');
    const [registry] = await file.credentials('ghcr.io/app');
    expect([identity?.identityToken, registry?.registryToken]).toEqual(['id', 'reg']);
    expect(identity?.source).toBe(`docker config ${path}`);
  });

  test('gives nothing for an entry that docker login left empty for its helper', async () => {
    write({ auths: { 'quay.io': {}, 'ghcr.io': { email: 'ada@example.com' } }, credsStore: 'desktop' });
    const { file } = open();
    expect([await file.credentials('quay.io/app'), await file.credentials('ghcr.io/app')]).toEqual([[], []]);
  });

  test.each([
    [{}, false],
    [{ credsStore: '' }, false],
    [{ credHelpers: { 'quay.io': '' } }, false],
    [{ credsStore: 'pass' }, true],
    [{ CREDHELPERS: { 'quay.io': 'pass' } }, true],
  ])('%j has helpers: %j', (content, expected) => {
    write(content);
    expect(open().file.hasHelpers).toBe(expected);
  });
});

describe("a problem is reported without the file's content", () => {
  const failure = (at: string) => {
    try {
      new DockerConfigFile(at);
    } catch (error) {
      if (error instanceof CredentialError) return error;
    }
    throw new Error('no CredentialError was thrown');
  };

  test.each([
    ['absent.json', "can't be read: there is no such file"],
    ['.', "can't be read: it is a folder"],
  ])('%s', (name, message) => {
    expect(failure(join(folder, name))).toMatchObject({
      source: `docker config ${join(folder, name)}`,
      message: `docker config ${join(folder, name)} ${message}`,
    });
  });

  test.each([
    [
      '{"auths":{"quay.io":{"auth":"hunter2!"}}}',
      'invalid docker config (entry "quay.io"): "auth" is not base64',
    ],
    ['{"password":"hunter2"', 'invalid docker config: it is not JSON'],
    ['', 'invalid docker config: it is not JSON'],
    ['{"credsStore":["hunter2"]}', 'invalid docker config: a value has the wrong type'],
    ['{"credHelpers":{"quay.io":7}}', 'invalid docker config: a value has the wrong type'],
    ['{"credsStore":"../hunter2"}', 'invalid docker config: the name of a credential helper is invalid'],
    [
      '{"credHelpers":{"quay.io":"x;hunter2"}}',
      'invalid docker config (entry "quay.io"): the name of a credential helper is invalid',
    ],
    [
      '{"credHelpers":{"quay.io":"a\\nhunter2"}}',
      'invalid docker config (entry "quay.io"): the name of a credential helper is invalid',
    ],
  ])('%s', (text, message) => {
    writeFileSync(path, text);
    const error = failure(path);
    expect(error.message).toBe(`${path}: ${message}`);
    expect(error.remedy).not.toBe('');
    expect(JSON.stringify([error.message, error.remedy, error])).not.toContain('hunter2');
  });
});

describe('a docker config that changes', () => {
  test('is read again, but not looked at all the time', async () => {
    write({ auths: { 'quay.io': entry('before') } });
    const { file, later } = open();
    write({ auths: { 'quay.io': entry('after the change') } });
    expect(names(await file.credentials('quay.io/app'))).toEqual(['before']);
    later();
    expect(names(await file.credentials('quay.io/app'))).toEqual(['after the change']);
  });

  test('is noticed as the kubelet changes a mounted Secret: by a link, as long and as old', async () => {
    for (const version of ['one', 'two']) {
      mkdirSync(join(folder, version), { recursive: true });
      write({ auths: { 'quay.io': entry(version) } }, join(folder, version, 'mounted.json'));
      utimesSync(join(folder, version, 'mounted.json'), 1_000, 1_000);
    }
    rmSync(path, { force: true });
    symlinkSync(join(folder, 'one', 'mounted.json'), path);
    const { file, later } = open();
    unlinkSync(path);
    symlinkSync(join(folder, 'two', 'mounted.json'), path);
    later();
    expect(names(await file.credentials('quay.io/app'))).toEqual(['two']);
    unlinkSync(path);
  });

  test('into something unreadable keeps what it was, says so once, and recovers', async () => {
    write({ auths: { 'quay.io': entry('before') } });
    const told: CredentialError[] = [];
    const { file, later } = open((error) => told.push(error));
    writeFileSync(path, '{"auths":');
    for (let look = 0; look < 3; look++) {
      later();
      expect(names(await file.credentials('quay.io/app'))).toEqual(['before']);
    }
    expect(told.map(({ message }) => message)).toEqual([`${path}: invalid docker config: it is not JSON`]);
    write({ auths: { 'quay.io': entry('after') } });
    later();
    expect(names(await file.credentials('quay.io/app'))).toEqual(['after']);
  });

  test('may be away for a while', async () => {
    write({ auths: { 'quay.io': entry('before') } });
    const told: CredentialError[] = [];
    const { file, later } = open((error) => told.push(error));
    unlinkSync(path);
    later();
    expect(names(await file.credentials('quay.io/app'))).toEqual(['before']);
    expect(told.map(({ message }) => message)).toEqual([
      `docker config ${path} can't be read: there is no such file`,
    ]);
  });
});
