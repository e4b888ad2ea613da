import { readFileSync } from 'node:fs';
import { versionOf } from '../file-version.ts';
import { whyUnreadable } from '../system-error.ts';
import { type Credential, CredentialError, type CredentialSource } from './credential.ts';
import { type DockerConfigContents, decodeDockerConfigFile, InvalidDockerConfig } from './docker-config.ts';
import { dockerConfigKeyring, type Keyring } from './keyring.ts';

/** The kubelet takes up to a minute to update a mounted Secret, so more frequent checks gain nothing. */
const CHECK_MS = 5_000;

/** Called when the changed file can't be read; its last readable content stays in effect. */
export type OnUnreadable = (error: CredentialError) => void;

interface Contents extends DockerConfigContents {
  readonly keyring: Keyring;
}

/**
 * A docker config on disk, such as `~/.docker/config.json` or a mounted Secret. It is read at construction, and again
 * whenever it has changed.
 *
 * As a source it gives the credentials in `auths`, tokens included, matched by the kubelet's rules. An empty entry, which
 * `docker login` writes when a helper keeps the credential, is none.
 */
export class DockerConfigFile implements CredentialSource {
  readonly #path: string;
  readonly #onUnreadable: OnUnreadable;
  #contents: Contents;
  #version: string;
  #nextCheck = performance.now() + CHECK_MS;

  /** @throws CredentialError when the file can't be read, or holds something else */
  constructor(path: string, onUnreadable: OnUnreadable = () => undefined) {
    this.#path = path;
    this.#onUnreadable = onUnreadable;
    this.#version = versionOf(path);
    this.#contents = readContents(path);
  }

  /** Whether the file names credential helpers. */
  get hasHelpers(): boolean {
    const { credHelpers, credsStore } = this.contents;
    return credsStore !== '' || [...credHelpers.values()].some((helper) => helper !== '');
  }

  /** The content now, or a few seconds ago. */
  get contents(): Contents {
    if (performance.now() >= this.#nextCheck) {
      this.#nextCheck = performance.now() + CHECK_MS;
      this.#readIfChanged();
    }
    return this.#contents;
  }

  async credentials(repository: string): Promise<readonly Credential[]> {
    return this.contents.keyring.lookup(repository).filter((credential) => !isEmpty(credential));
  }

  #readIfChanged(): void {
    const version = versionOf(this.#path);
    if (version === this.#version) return;
    this.#version = version;
    try {
      this.#contents = readContents(this.#path);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      this.#onUnreadable(error);
    }
  }
}

/** @throws CredentialError */
function readContents(path: string): Contents {
  const source = `docker config ${path}`;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CredentialError(
      source,
      `${source} can't be read: ${whyUnreadable(cause) ?? 'reading fails'}`,
      'correct the path',
      cause,
    );
  }
  try {
    const contents = decodeDockerConfigFile(text);
    return { ...contents, keyring: dockerConfigKeyring(contents.auths, source) };
  } catch (error) {
    if (!(error instanceof InvalidDockerConfig)) throw error;
    throw new CredentialError(
      source,
      `${path}: ${error.finding}`,
      'correct the file, or log in again',
      error,
    );
  }
}

function isEmpty({ username, password, identityToken, registryToken }: Credential): boolean {
  return username === '' && password === '' && identityToken === undefined && registryToken === undefined;
}
