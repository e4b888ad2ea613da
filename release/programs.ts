import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { binaryPath } from '../e2e/machine/binaries.ts';

/** The path of a program: from the path, or as the end-to-end tests have built it. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return [...folders.map((folder) => join(folder, name)), binaryPath(name)].find((path) => existsSync(path));
}

/** @throws if the program isn't there */
export function requireProgram(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} isn't on the path, and npm run e2e hasn't built it`);
  return path;
}
