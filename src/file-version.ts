import { statSync } from 'node:fs';

/**
 * A text that changes whenever the file does. A mounted Secret or ConfigMap changes by a symbolic link to another file,
 * which may have the same size and age.
 */
export function versionOf(path: string): string {
  try {
    const { ctimeMs, size, ino } = statSync(path);
    return `${ctimeMs} ${size} ${ino}`;
  } catch {
    return 'out of reach';
  }
}
