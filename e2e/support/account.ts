import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Someone whom a registry knows. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** The Authorization header of Basic authentication. */
export const basic = (account: Account) => `Basic ${encoded(account)}`;

/** Writes a docker config that has the account for this registry, or none for any. The folder is made. */
export function writeDockerConfig(folder: string, host: string, account?: Account): void {
  const auths = account === undefined ? {} : { [host]: { auth: encoded(account) } };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths }));
}

const encoded = ({ username, password }: Account) =>
  Buffer.from(`${username}:${password}`).toString('base64');
