import { statSync } from 'node:fs';

/**
 * Changes whenever what is at the path does. A mounted Secret or ConfigMap changes by a symbolic link: to another
 * file, which may be as long and as old as the one before.
 */
export function versionOf(path: string): string {
  try {
    const { ctimeMs, size, ino } = statSync(path);
    return `${ctimeMs} ${size} ${ino}`;
  } catch {
    return 'out of reach';
  }
}
