import { spawn } from 'node:child_process';
import { z } from 'zod';
import { excerpt } from '../image/excerpt.ts';
import { parseJson } from '../json.ts';
import { Singleflight } from '../singleflight.ts';
import { codeOf } from '../system-error.ts';
import { Credential, CredentialError, type CredentialSource } from './credential.ts';
import { struct } from './docker-config.ts';
import type { DockerConfigFile } from './docker-config-file.ts';
import { normalizeKey } from './registry-key.ts';

const HELPER_TIMEOUT_MS = 10_000;
/** A credential is a few kilobytes at most. */
const OUTPUT_LIMIT = 1024 * 1024;

/** docker's name for Docker Hub in requests to helpers (docker/cli cli/registry, `IndexServer`). */
const DOCKER_HUB_SERVER = 'https://index.docker.io/v1/';
/** The helper's user name for an identity token (docker/cli cli/config/credentials/native_store.go). */
const TOKEN_USER = '<token>';
/** The error of a helper without a credential for the registry (docker-credential-helpers credentials/error.go). */
const NOT_FOUND = 'credentials not found in native keychain';

/**
 * The credentials that a docker config leaves to helpers: programs `docker-credential-NAME` on the PATH that implement
 * docker's credential-helper protocol. They run with tagpin's rights, which is acceptable only for a user at a command
 * line.
 *
 * A helper is run once for each registry, because it may prompt the user.
 */
export class CredentialHelpers implements CredentialSource {
  readonly #file: DockerConfigFile;
  readonly #stop: AbortSignal;
  readonly #runs = new Singleflight<Credential | undefined>(HELPER_TIMEOUT_MS);
  readonly #found = new Map<string, Credential | undefined>();

  /** @param stop ends the helpers that run */
  constructor(file: DockerConfigFile, stop: AbortSignal) {
    this.#file = file;
    this.#stop = stop;
  }

  async credentials(repository: string, signal: AbortSignal): Promise<readonly Credential[]> {
    const { credHelpers, credsStore } = this.#file.contents;
    const host = repository.slice(0, Math.max(repository.indexOf('/'), 0));
    const helper = helperOf(host, credHelpers) ?? credsStore;
    if (helper === '' || host === '') return [];
    const server = host === 'docker.io' ? DOCKER_HUB_SERVER : host;
    const known = this.#found.has(server);
    const credential = known ? this.#found.get(server) : await this.#get(helper, server, signal);
    return credential === undefined ? [] : [credential];
  }

  async #get(helper: string, server: string, signal: AbortSignal): Promise<Credential | undefined> {
    const program = `docker-credential-${helper}`;
    try {
      return await this.#runs.join(server, signal, async (runSignal) => {
        const credential = await runHelper(program, server, AbortSignal.any([runSignal, this.#stop]));
        this.#found.set(server, credential);
        return credential;
      });
    } catch (error) {
      if (error instanceof CredentialError) throw error;
      if (!(error instanceof DOMException) || error.name !== 'TimeoutError') throw error;
      throw failure(program, `${program} doesn't answer in time`, `try "${program} get" by hand`, error);
    }
  }
}

/** Docker names a registry by its host and Docker Hub by a URL, but users write either for both. */
function helperOf(host: string, credHelpers: ReadonlyMap<string, string>): string | undefined {
  const names = host === 'docker.io' ? [host, 'index.docker.io'] : [host];
  for (const [key, helper] of credHelpers) {
    if (names.includes(normalizeKey(key) ?? '')) return helper;
  }
  return undefined;
}

/** The output of `get`. Like Go's decoder, it accepts names in any case. */
const outputSchema = struct({ Username: z.string().default(''), Secret: z.string().default('') });

const nameOf = (program: string) => `credential helper ${program}`;

const failure = (program: string, message: string, remedy: string, cause?: unknown) =>
  new CredentialError(nameOf(program), message, remedy, cause);

/**
 * Runs `docker-credential-<name> get` (docker-credential-helpers client/client.go): the server on its standard input, the
 * credential as JSON on its standard output. Undefined if the helper has none.
 *
 * @throws CredentialError, or the signal's reason
 */
async function runHelper(
  program: string,
  server: string,
  signal: AbortSignal,
): Promise<Credential | undefined> {
  const { code, output } = await run(program, server, signal).catch((cause: unknown) => {
    if (signal.aborted) throw signal.reason;
    throw codeOf(cause) === 'ENOENT'
      ? failure(
          program,
          `${program} isn't installed`,
          'install it, or take it out of the docker config',
          cause,
        )
      : failure(program, `${program} can't be run`, `try "${program} get" by hand`, cause);
  });
  if (code !== 0) {
    if (output.trim() === NOT_FOUND) return undefined;
    throw failure(program, `${program} fails${reasonIn(output)}`, 'log in again');
  }
  const parsed = outputSchema.safeParse(parseJson(output));
  if (!parsed.success) {
    throw failure(program, `${program} prints no valid credential`, `try "${program} get" by hand`);
  }
  const { Username: username, Secret: secret } = parsed.data;
  if (username === '' && secret === '') return undefined;
  const source = nameOf(program);
  return username === TOKEN_USER
    ? new Credential({ identityToken: secret, source })
    : new Credential({ username, password: secret, source });
}

/** The reason that a failed helper prints to standard output. Output that looks like a credential isn't shown. */
function reasonIn(output: string): string {
  const line = output.trim().split('\n')[0] ?? '';
  return line === '' || /[{}]/.test(output) ? '' : ` (${excerpt(line)})`;
}

/** Runs a program without a shell. Rejects as soon as it is aborted, even if its child processes linger. */
function run(
  program: string,
  input: string,
  signal: AbortSignal,
): Promise<{ code: number | null; output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number | null; output: string }>();
  if (signal.aborted) return Promise.reject(signal.reason);
  // Standard error goes to the terminal, where the helper may ask for a passphrase.
  const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  let size = 0;
  const giveUp = (reason: unknown) => {
    child.kill('SIGKILL');
    child.stdin.destroy();
    child.stdout.destroy();
    child.unref();
    reject(reason);
  };
  const abort = () => giveUp(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  child.on('error', reject);
  child.on('close', (code) => resolve({ code, output: Buffer.concat(chunks).toString('utf8') }));
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    chunks.push(chunk);
    if (size > OUTPUT_LIMIT) giveUp(new Error('the output is too long'));
  });
  // A helper may exit without reading its input: its output counts, not the broken pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return promise.finally(() => signal.removeEventListener('abort', abort));
}
