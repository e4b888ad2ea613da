import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/support/listen.ts';
import { filesBeside } from '../machine/binaries.ts';
import { type Account, basic } from './account.ts';
import { run, succeed } from './command.ts';
import { startDaemon } from './daemon.ts';
import type { Registry } from './registry.ts';

export interface GiteaOptions {
  readonly binary: string;
  /** A folder of its own, for its data, configuration and log. */
  readonly directory: string;
  /** May do everything. */
  readonly owner: Account;
  /** Has an account. */
  readonly stranger: Account;
  /** The owner's organisations, and whether others can see their content. */
  readonly organizations: Readonly<Record<string, 'public' | 'private'>>;
}

/** Starts Gitea, a forge with a container registry, on a free port of loopback, and creates the accounts. */
export async function startGitea(options: GiteaOptions): Promise<Registry> {
  const { binary, directory, owner, stranger, organizations } = options;
  mkdirSync(directory, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const configuration = join(directory, 'app.ini');
  writeFileSync(configuration, settings(address, directory, filesBeside(binary)));
  const gitea = [binary, '--config', configuration];
  const daemon = startDaemon({
    name: 'gitea',
    command: [...gitea, 'web'],
    logFile: join(directory, 'gitea.log'),
  });
  const answers = () => fetch(`http://${address}/api/healthz`).catch(() => undefined);
  await daemon.ready(async () => ((await answers())?.ok ? true : undefined));
  const { username, password } = owner;
  const account = ['--username', username, '--password', password, '--email', mail(username), '--admin'];
  await succeed(run([...gitea, 'admin', 'user', 'create', '--must-change-password=false', ...account]));
  const create = (what: string, value: object) => post(`http://${address}/api/v1/${what}`, value, owner);
  await create('admin/users', { ...stranger, email: mail(stranger.username), must_change_password: false });
  for (const [name, visibility] of Object.entries(organizations))
    await create('orgs', { username: name, visibility });
  return { address, stop: daemon.stop, [Symbol.asyncDispose]: daemon.stop };
}

const mail = (username: string) => `${username}@example.test`;

/**
 * Gitea's configuration. It runs as root only with this setting, and only with its locale files, which this build has in
 * a folder beside it. While accounts are created, two processes write to the database, and on a busy machine one may
 * wait for the other longer than half a second.
 */
function settings(address: string, directory: string, files: string): string {
  const [host, port] = address.split(':');
  return `
WORK_PATH = ${directory}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = ${host}
HTTP_PORT = ${port}
ROOT_URL = http://${address}/
${existsSync(files) ? `STATIC_ROOT_PATH = ${files}` : ''}
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
SQLITE_TIMEOUT = 30000
[security]
INSTALL_LOCK = true
`;
}

async function post(url: string, value: object, account: Account): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: basic(account) },
    body: JSON.stringify(value),
  });
  if (!response.ok) throw new Error(`POST ${url}: ${response.status} ${await response.text()}`);
}
