import { existsSync } from 'node:fs';
import { binaryPath } from '../e2e/machine/binaries.ts';

/** Where a program is that a bench needs: as the variable of its name says (`CRANE`), or where `npm run e2e` builds it. */
export function findProgram(name: string): string {
  const variable = name.toUpperCase();
  const path = process.env[variable] || binaryPath(name);
  if (!existsSync(path))
    throw new Error(`there is no ${path}: set ${variable} to where ${name} is, or see --help`);
  return path;
}
