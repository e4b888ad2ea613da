import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A credential helper in its own folder, to put on the PATH. */
export interface CredentialHelper {
  /** The name after `docker-credential-`. */
  readonly name: string;
  /** The folder it is in. */
  readonly folder: string;
  /** The servers that it was asked for, one for each call. */
  asked(): string[];
}

/**
 * Writes an executable `docker-credential-<name>` that runs the shell script. The script has the requested server in
 * `$server`, and its first argument in `$1`.
 */
export function writeCredentialHelper(folder: string, name: string, script: string): CredentialHelper {
  const log = join(folder, `${name}.log`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, `docker-credential-${name}`),
    `#!/bin/sh\nserver=$(cat)\necho "$1 $server" >>'${log}'\n${script}\n`,
    { mode: 0o755 },
  );
  return {
    name,
    folder,
    asked: () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []),
  };
}

/** A line of script that prints a credential. */
export function answering(username: string, secret: string): string {
  return `printf '%s' '${JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })}'`;
}
