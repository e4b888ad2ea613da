import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CredentialError } from '../../src/credentials/credential.ts';
import { CredentialHelpers } from '../../src/credentials/credential-helper.ts';
import { DockerConfigFile } from '../../src/credentials/docker-config-file.ts';
import { answering, writeCredentialHelper } from '../support/credential-helper.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-helper-'));
const programs = join(folder, 'bin');
const stop = new AbortController();
beforeAll(() => {
  vi.stubEnv('PATH', `${programs}${delimiter}${process.env['PATH']}`);
});
afterAll(() => {
  stop.abort();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

let number = 0;
const helper = (script: string) => writeCredentialHelper(programs, `test.${number++}`, script);

function sourceOf(config: { credsStore?: string; credHelpers?: Record<string, string> }) {
  const path = join(folder, `${number++}.json`);
  writeFileSync(path, JSON.stringify(config));
  return new CredentialHelpers(new DockerConfigFile(path), stop.signal);
}

const soon = () => AbortSignal.timeout(5_000);

async function failureOf(config: Parameters<typeof sourceOf>[0], signal = soon()): Promise<CredentialError> {
  const error = await sourceOf(config)
    .credentials('quay.io/app', signal)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  if (error instanceof CredentialError) return error;
  throw new Error(`no CredentialError: ${error}`);
}

describe('a credential helper', () => {
  test('is asked for the registry, and its answer is the credential', async () => {
    const { name, asked } = helper(answering('ada', 'pass:word'));
    const [credential, ...others] = await sourceOf({ credsStore: name }).credentials(
      'registry.example.com:5000/team/app',
      soon(),
    );
    expect(others).toEqual([]);
    expect(credential).toMatchObject({ username: 'ada', password: 'pass:word' });
    expect(credential?.source).toBe(`credential helper docker-credential-${name}`);
    expect(asked()).toEqual(['get registry.example.com:5000']);
  });

  test('knows Docker Hub by the name that docker gives it', async () => {
    const { name, asked } = helper(answering('ada', 'x'));
    await sourceOf({ credsStore: name }).credentials('docker.io/library/nginx', soon());
    expect(asked()).toEqual(['get https://index.docker.io/v1/']);
  });

  test.each(['https://index.docker.io/v1/', 'docker.io', 'index.docker.io'])(
    'may be that of Docker Hub by the key %s',
    async (key) => {
      const { name } = helper(answering('ada', 'x'));
      const source = sourceOf({ credHelpers: { [key]: name } });
      expect(await source.credentials('docker.io/library/nginx', soon())).toHaveLength(1);
      expect(await source.credentials('quay.io/app', soon())).toEqual([]);
    },
  );

  test('of one registry comes before that of all, and may be none', async () => {
    const [one, all] = [helper(answering('one', 'x')), helper(answering('all', 'x'))];
    const source = sourceOf({
      credsStore: all.name,
      credHelpers: { 'https://quay.io': one.name, 'ghcr.io': '' },
    });
    expect(await source.credentials('quay.io/app', soon())).toMatchObject([{ username: 'one' }]);
    expect(await source.credentials('gcr.io/app', soon())).toMatchObject([{ username: 'all' }]);
    expect(await source.credentials('ghcr.io/app', soon())).toEqual([]);
    expect(all.asked()).toEqual(['get gcr.io']);
  });

  test('gives an identity token by the user name <token>', async () => {
    const { name } = helper(answering('<token>', 'refresh-me'));
    const [credential] = await sourceOf({ credsStore: name }).credentials('quay.io/app', soon());
    expect(credential).toMatchObject({ identityToken: 'refresh-me', username: '', password: '' });
  });

  test.each([
    ['that it has none', "echo 'credentials not found in native keychain'; exit 1"],
    ['nothing in its answer', answering('', '')],
  ])('that says %s gives none', async (_what, script) => {
    const { name } = helper(script);
    expect(await sourceOf({ credsStore: name }).credentials('quay.io/app', soon())).toEqual([]);
  });

  test('is called once for a registry, whatever the number of its images', async () => {
    const { name, asked } = helper(answering('ada', 'x'));
    const source = sourceOf({ credsStore: name });
    await Promise.all([source.credentials('quay.io/a', soon()), source.credentials('quay.io/b', soon())]);
    await source.credentials('quay.io/c', soon());
    expect(asked()).toEqual(['get quay.io']);
  });

  test('that does not read its input still has its answer used', async () => {
    const { name } = helper('');
    writeFileSync(
      join(programs, `docker-credential-${name}`),
      `#!/bin/sh\nexec 0<&-\n${answering('ada', 'x')}\n`,
    );
    expect(await sourceOf({ credsStore: name }).credentials('quay.io/app', soon())).toHaveLength(1);
  });
});

describe('a credential helper that fails is named, with its remedy', () => {
  test('not installed', async () => {
    expect(await failureOf({ credsStore: 'nowhere' })).toMatchObject({
      source: 'credential helper docker-credential-nowhere',
      message: "docker-credential-nowhere isn't installed",
      remedy: 'install it, or take it out of the docker config',
    });
  });

  test('not executable', async () => {
    const { name } = helper('');
    writeFileSync(join(programs, `docker-credential-${name}x`), 'x', { mode: 0o644 });
    expect(await failureOf({ credsStore: `${name}x` })).toMatchObject({
      message: expect.stringContaining("can't be run"),
    });
  });

  test('with an error of its own', async () => {
    const { name } = helper('echo "pass not initialized"; echo more; exit 1');
    expect(await failureOf({ credsStore: name })).toMatchObject({
      message: `docker-credential-${name} fails (pass not initialized)`,
    });
  });

  test('with a secret where its error should be', async () => {
    const { name } = helper(`${answering('ada', 'hunter2')}; exit 1`);
    const error = await failureOf({ credsStore: name });
    expect(error.message).toBe(`docker-credential-${name} fails`);
    expect(JSON.stringify([error.message, error.remedy, String(error.cause)])).not.toContain('hunter2');
  });

  test.each(['echo hunter2', 'echo \'["hunter2"]\'', 'echo \'{"Username":1,"Secret":"hunter2"}\'', ''])(
    'with an answer that is none: %s',
    async (script) => {
      const { name } = helper(script);
      const error = await failureOf({ credsStore: name });
      expect(error.message).toBe(`docker-credential-${name} prints no valid credential`);
      expect(JSON.stringify([error.message, error.remedy, String(error.cause)])).not.toContain('hunter2');
    },
  );

  test('with an endless answer', async () => {
    const { name } = helper('exec yes');
    expect(await failureOf({ credsStore: name })).toMatchObject({
      message: expect.stringContaining("can't be run"),
    });
  });

  test('by not answering before the deadline', async () => {
    const { name } = helper('exec sleep 20');
    const started = performance.now();
    const error = await failureOf({ credsStore: name }, AbortSignal.timeout(200));
    expect(error).toMatchObject({
      message: `docker-credential-${name} doesn't answer in time`,
      remedy: `try "docker-credential-${name} get" by hand`,
    });
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});
