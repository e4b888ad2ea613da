import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as immediately } from 'node:timers/promises';
import { WrongUse } from '../../console/exit.ts';
import { isFolder, makeFolder, writeWhole } from '../../console/write-file.ts';
import { isDockerfile } from '../../manifest/dockerfile/images.ts';
import type { PinnedFile } from './pinned-file.ts';
import type { Source } from './sources.ts';

/** Where pinned manifests go. */
export type Destination = { to: 'themselves' } | { to: 'folder'; folder: string } | { to: 'standard output' };

/**
 * @param isPrinted whether the files themselves are printed
 * @throws WrongUse if standard input is to be written, or two files to one path, or a Dockerfile among manifests
 */
export function checkDestination(
  destination: Destination,
  sources: readonly Source[],
  isPrinted: boolean,
): void {
  if (destination.to === 'standard output') {
    const dockerfile = sources.find(({ name }) => isDockerfile(name));
    if (dockerfile === undefined || sources.length === 1 || !isPrinted) return;
    throw new WrongUse(
      `${dockerfile.name} can't be printed in one stream with other files; add --in-place or --output FOLDER`,
    );
  }
  const flag = destination.to === 'folder' ? `--output ${destination.folder}` : '--in-place';
  if (sources.some(({ path }) => path === undefined)) {
    throw new WrongUse(`standard input has no place to be written to; leave out ${flag}`);
  }
  if (destination.to === 'themselves') return;
  const clashes = [...Map.groupBy(sources, ({ target }) => target)].filter(([, { length }]) => length > 1);
  if (clashes.length === 0) return;
  const said = clashes.map(([target, files]) => `${target}: ${files.map(({ name }) => name).join(', ')}`);
  throw new WrongUse(
    `several files would become one in ${destination.folder}; name folders instead, or run once for each\n${said.join('\n')}`,
  );
}

/**
 * Creates the folder for the output, so that a failure is known before registries are asked.
 *
 * @throws WrongUse
 */
export function makeDestination(destination: Destination): void {
  if (destination.to !== 'folder') return;
  const { folder } = destination;
  try {
    makeFolder(folder);
  } catch (error) {
    let there = folder;
    while (!existsSync(there) && there !== dirname(there)) there = dirname(there);
    if (!isFolder(there))
      throw new WrongUse(`--output ${folder}: ${there} is no folder; name another, or json`);
    const why = error instanceof Error ? error.message : String(error);
    throw new WrongUse(`--output ${folder} can't be made: ${why}; name another folder`);
  }
}

/** Milliseconds after an interruption for writing what is finished. */
const LAST_WORDS_MS = 400;

/** Writes finished files, and returns how many. A failure becomes a mistake of the file. */
export async function writeFiles(
  files: readonly PinnedFile[],
  destination: Exclude<Destination, { to: 'standard output' }>,
  interrupted: AbortSignal,
): Promise<{ files: PinnedFile[]; written: number }> {
  const after: PinnedFile[] = [];
  let written = 0;
  let stopAt = Number.POSITIVE_INFINITY;
  for (const file of files) {
    const { path, target } = file.source;
    const isNew = destination.to === 'folder' || file.after !== file.text;
    if (file.after === undefined || path === undefined || !isNew) {
      after.push(file);
      continue;
    }
    // Lets a signal be handled.
    await immediately();
    if (interrupted.aborted) stopAt = Math.min(stopAt, performance.now() + LAST_WORDS_MS);
    const to = destination.to === 'folder' ? join(destination.folder, target) : path;
    try {
      if (performance.now() > stopAt) throw new Error('interrupted');
      writeWhole(to, file.after, path);
      written += 1;
      after.push(file);
    } catch (error) {
      const message = `${to} isn't written: ${error instanceof Error ? error.message : String(error)}`;
      after.push({ ...file, mistakes: [{ message }], after: undefined });
    }
  }
  return { files: after, written };
}

/** Joins manifests as documents of one text. */
export function joinManifests(texts: readonly string[]): string {
  return texts.reduce((all, text) => {
    if (all === '') return text;
    const next = text.replace(/^\uFEFF/, '');
    const end = all.endsWith('\n') ? '' : '\n';
    return `${all}${end}${/^---(\s|$)/.test(next) ? '' : '---\n'}${next}`;
  }, '');
}
