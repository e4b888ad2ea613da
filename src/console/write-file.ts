import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../system-error.ts';

/**
 * Replaces the content of a file atomically: a reader sees the old content or the new, also after a failure. A file that
 * has the content already isn't touched. A symbolic link stays, and its target is written. Mode and owner stay.
 *
 * @param like the file whose mode a new file gets
 * @throws the error of `node:fs`
 */
export function writeWhole(path: string, content: string, like?: string): void {
  const target = orUndefined(() => realpathSync.native(path)) ?? path;
  const before = orUndefined(() => statSync(target));
  // A pipe or a device gets the content itself: a file in its place would reach nobody.
  if (before !== undefined && !before.isFile()) {
    writeFileSync(target, content);
    return;
  }
  if (before !== undefined && readFileSync(target, 'utf8') === content) return;
  const model = before ?? (like === undefined ? undefined : orUndefined(() => statSync(like)));
  // In the same folder, because a file can be renamed only within its file system.
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    writeNew(temporary, content);
    // Only root may change a file's owner, and the content matters more.
    if (before !== undefined) orUndefined(() => chownSync(temporary, before.uid, before.gid));
    if (model !== undefined) chmodSync(temporary, model.mode);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Creates the folder too, unless it exists. */
function writeNew(path: string, content: string): void {
  const write = () => writeFileSync(path, content, { flag: 'wx' });
  try {
    write();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    makeFolder(dirname(path));
    write();
  }
}

/**
 * Creates a folder and those above it, unless they exist. Node's own `recursive` never returns where the folder above
 * exists and can't hold folders, such as `/proc`.
 *
 * @throws the error of `mkdirSync`
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (isFolder(path)) return;
    const above = dirname(path);
    if (codeOf(error) !== 'ENOENT' || existsSync(above)) throw error;
    makeFolder(above);
    mkdirSync(path);
  }
}

export const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function orUndefined<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
