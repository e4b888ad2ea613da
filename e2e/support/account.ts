import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An account at a registry. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** The Authorization header of Basic authentication. */
export const basic = (account: Account) => `Basic ${encoded(account)}`;

/** Writes a docker config with the account for this registry, or without any. Creates the folder. */
export function writeDockerConfig(folder: string, host: string, account?: Account): void {
  const auths = account === undefined ? {} : { [host]: { auth: encoded(account) } };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths }));
}

const encoded = ({ username, password }: Account) =>
  Buffer.from(`${username}:${password}`).toString('base64');
