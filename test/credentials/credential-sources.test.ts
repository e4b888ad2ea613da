import { expect, test } from 'vitest';
import { Credential, CredentialError, type CredentialSource } from '../../src/credentials/credential.ts';
import { CredentialSources } from '../../src/credentials/credential-sources.ts';

const named = (source: string) => new Credential({ username: source, source });
const giving = (...names: string[]): CredentialSource => ({ credentials: async () => names.map(named) });
const failing = (error: unknown): CredentialSource => ({ credentials: () => Promise.reject(error) });
const keyring = { lookup: (repository: string) => [named(`secret for ${repository}`)] };
const signal = () => AbortSignal.timeout(5_000);

const sourcesOf = (credentials: readonly Credential[]) => credentials.map(({ source }) => source);

test("a pod's pull secrets come first, then the sources in their order", async () => {
  const credentials = new CredentialSources([giving('a', 'b'), giving(), giving('c')]);
  const found = await credentials.find('quay.io/app', keyring, signal());
  expect(sourcesOf(found.credentials)).toEqual(['secret for quay.io/app', 'a', 'b', 'c']);
  expect(found.failures).toEqual([]);
});

test('without pull secrets only the sources count', async () => {
  const found = await new CredentialSources([giving('a')]).find('quay.io/app', undefined, signal());
  expect(sourcesOf(found.credentials)).toEqual(['a']);
});

test('a source that fails does not stop the others, and is reported', async () => {
  const error = new CredentialError('ECR', 'access denied', 'grant it');
  const found = await new CredentialSources([failing(error), giving('b')]).find(
    'quay.io/app',
    keyring,
    signal(),
  );
  expect(sourcesOf(found.credentials)).toEqual(['secret for quay.io/app', 'b']);
  expect(found.failures).toEqual([error]);
});

test('an unexpected error is reported without its text, even if thrown synchronously', async () => {
  const thrower: CredentialSource = {
    credentials() {
      throw new TypeError('hunter2');
    },
  };
  const { failures } = await new CredentialSources([thrower]).find('quay.io/app', undefined, signal());
  expect(failures).toHaveLength(1);
  expect(`${failures[0]?.source} ${failures[0]?.message} ${failures[0]?.remedy}`).not.toContain('hunter2');
});

test('on a timeout, the failure names the source that caused it', async () => {
  const error = new CredentialError('credential helper x', 'no answer in time', 'try it');
  const over = AbortSignal.abort(new DOMException('', 'TimeoutError'));
  await expect(new CredentialSources([failing(error)]).find('quay.io/app', undefined, over)).rejects.toBe(
    error,
  );
  await expect(new CredentialSources([giving()]).find('quay.io/app', undefined, over)).rejects.toBe(
    over.reason,
  );
});

test('a source that hangs does not stop a pull secret from being tried, and is reported', async () => {
  const silent: CredentialSource = {
    credentials: (_, given) =>
      new Promise((_resolve, reject) => given.addEventListener('abort', () => reject(given.reason))),
  };
  const found = await new CredentialSources([silent, giving('b')]).find('quay.io/app', keyring, signal());
  expect(sourcesOf(found.credentials)).toEqual(['secret for quay.io/app', 'b']);
  expect(found.failures).toMatchObject([{ message: "tagpin's own credentials weren't available in time" }]);
});
