import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A credential helper in a folder of its own, to be put on the PATH. */
export interface CredentialHelper {
  /** What stands behind `docker-credential-`. */
  readonly name: string;
  /** The folder it is in. */
  readonly folder: string;
  /** What it was asked for, a server a time. */
  asked(): string[];
}

/**
 * Writes an executable `docker-credential-<name>` that does what the shell script says. The script finds the server it
 * is asked for in `$server`, and its first argument in `$1`.
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

/** A line of script that answers with a credential. */
export function answering(username: string, secret: string): string {
  return `printf '%s' '${JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })}'`;
}
