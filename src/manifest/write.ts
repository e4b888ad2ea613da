import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Of a file that is new. */
const MODE = 0o666;

/**
 * Gives a file another content, all at once: whoever reads it meanwhile, or after a failure, has the old content or the
 * new. A symbolic link stays one, and what it leads to is written. Mode and owner stay.
 *
 * @param like the file that a new one takes its mode from
 * @throws what `node:fs` throws
 */
export async function writeWhole(path: string, content: string, like?: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const target = await realpath(path).catch(() => path);
  const before = await stat(target).catch(() => undefined);
  const model = before ?? (like === undefined ? undefined : await stat(like).catch(() => undefined));
  // In the same folder, as a file can be renamed only within its file system.
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', MODE);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    if (before !== undefined) {
      // Only root may give files away; whose file it is matters less than what is in it.
      await chown(temporary, before.uid, before.gid).catch(() => undefined);
    }
    if (model !== undefined) await chmod(temporary, model.mode);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
