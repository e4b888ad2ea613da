import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where `npm run e2e` puts what it builds. */
const built = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tagpin-e2e', 'bin');

/** A program that is needed for a comparison, and the variable that says where it is. */
export interface Wanted {
  readonly name: string;
  readonly variable: string;
  /** What it is, for those who have to get it. */
  readonly what: string;
}

/**
 * Where the programs are.
 *
 * @throws Error that names those that are missing, and says how to get them
 */
export function findBinaries<Name extends string>(wanted: Readonly<Record<Name, Wanted>>): Map<Name, string> {
  const found = new Map<Name, string>();
  const missing: string[] = [];
  for (const key in wanted) {
    const { name, variable, what } = wanted[key];
    const path = process.env[variable] || join(built, name);
    if (isExecutable(path)) found.set(key, path);
    else missing.push(`  ${name} (${what}): not at ${path}; set ${variable} to where it is`);
  }
  if (missing.length === 0) return found;
  throw new Error(
    `this needs programs that aren't here:\n${missing.join('\n')}\nnpm run e2e builds them all.`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
