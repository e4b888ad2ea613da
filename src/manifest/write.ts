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
 * Gives a file another content, all at once: whoever reads it meanwhile, or after a failure, has the old content or the
 * new. What has it already stays untouched. A symbolic link stays one, and what it leads to is written. Mode and owner stay.
 *
 * @param like the file that a new one takes its mode from
 * @throws what `node:fs` throws
 */
export function writeWhole(path: string, content: string, like?: string): void {
  const target = orUndefined(() => realpathSync.native(path)) ?? path;
  const before = orUndefined(() => statSync(target));
  if (before?.isFile() && readFileSync(target, 'utf8') === content) return;
  const model = before ?? (like === undefined ? undefined : orUndefined(() => statSync(like)));
  // In the same folder, as a file can be renamed only within its file system.
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    writeNew(temporary, content);
    // Only root may give files away; whose file it is matters less than what is in it.
    if (before !== undefined) orUndefined(() => chownSync(temporary, before.uid, before.gid));
    if (model !== undefined) chmodSync(temporary, model.mode);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Makes its folder if there is none. */
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
 * Makes a folder, and those it is in, where they aren't there. Node's own way (`recursive`) tries for ever where there is
 * the folder above and none can be made in it, as in `/proc`.
 *
 * @throws what `mkdirSync` throws
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
