import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Account } from './account.ts';
import { run, succeed } from './command.ts';
import { startDaemon } from './daemon.ts';

/** Debian's, version 2.8; the harness builds version 3. */
export const debianRegistry = '/usr/bin/docker-registry';

export interface RegistryOptions {
  /** `registry` of distribution v3 or Debian's `docker-registry`: both read the same configuration. */
  readonly binary: string;
  /** A folder for its data, configuration and log. */
  readonly directory: string;
  /** Where it listens; by default a free port of loopback. */
  readonly listen?: string;
  /** Basic authentication with only this account. */
  readonly auth?: Account;
  /** Alternatively, tokens from this server. Its certificates are PEM. */
  readonly tokens?: { readonly realm: string; readonly issuer: string; readonly certificates: string };
  readonly tls?: { readonly certificate: string; readonly key: string };
  readonly name?: string;
  readonly signal?: AbortSignal;
}

export interface Registry {
  /** Host and port that it listens on. */
  readonly address: string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a distribution registry, and resolves when it listens. It allows deletion. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { binary, directory, listen = '127.0.0.1:0', auth, tokens, tls, name = 'registry', signal } = options;
  mkdirSync(directory, { recursive: true });
  const passwords = join(directory, 'htpasswd');
  if (auth !== undefined) writeFileSync(passwords, await htpasswd(auth.username, auth.password));
  const certificates = join(directory, 'token-ca.crt');
  if (tokens !== undefined) writeFileSync(certificates, tokens.certificates);
  const configuration = join(directory, 'config.yml');
  const document = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    // Without a secret, registries warn and generate one.
    http: { addr: listen, secret: randomBytes(16).toString('hex'), ...(tls === undefined ? {} : { tls }) },
    ...(auth === undefined ? {} : { auth: { htpasswd: { realm: name, path: passwords } } }),
    ...(tokens === undefined
      ? {}
      : {
          auth: {
            token: {
              realm: tokens.realm,
              issuer: tokens.issuer,
              service: name,
              rootcertbundle: certificates,
            },
          },
        }),
  };
  writeFileSync(configuration, stringify(document));
  const daemon = startDaemon({
    name,
    command: [binary, 'serve', configuration],
    logFile: join(directory, 'registry.log'),
    env: { OTEL_TRACES_EXPORTER: 'none' },
  });
  const address = await daemon.ready(
    async (log) => /msg="?listening on ([\d.]+:\d+)/.exec(log)?.[1],
    signal === undefined ? {} : { signal },
  );
  return { address, stop: daemon.stop, [Symbol.asyncDispose]: daemon.stop };
}

/** Starts go-containerregistry's registry, public, on a free port of loopback. */
export async function startCraneRegistry(crane: string, directory: string): Promise<Registry> {
  mkdirSync(directory, { recursive: true });
  const daemon = startDaemon({
    name: 'crane registry serve',
    command: [crane, 'registry', 'serve', '--address', '127.0.0.1:0'],
    logFile: join(directory, 'registry.log'),
  });
  const port = await daemon.ready(async (log) => /serving on port (\d+)/.exec(log)?.[1]);
  return { address: `127.0.0.1:${port}`, stop: daemon.stop, [Symbol.asyncDispose]: daemon.stop };
}

/** A line of an htpasswd file. Registries accept only bcrypt. */
function htpasswd(username: string, password: string): Promise<string> {
  return succeed(run(['htpasswd', '-niB', username], { input: password }));
}

/**
 * Removes what no tag keeps from the registry with this folder, as its operator does. It may be running, if nobody pushes
 * meanwhile.
 */
export async function collectGarbage({
  binary,
  directory,
}: Pick<RegistryOptions, 'binary' | 'directory'>): Promise<void> {
  const configuration = join(directory, 'config.yml');
  const env = { OTEL_TRACES_EXPORTER: 'none' };
  await succeed(run([binary, 'garbage-collect', '--delete-untagged', configuration], { env }));
}
