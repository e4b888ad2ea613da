import { type Dirent, globSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { WrongUse } from '../../console/exit.ts';
import { isDockerfile } from '../../manifest/dockerfile/images.ts';

/** A manifest to read. */
export interface Source {
  /** Its name in messages. */
  name: string;
  /** Undefined for standard input. */
  path: string | undefined;
  /** Its path below an output folder. */
  target: string;
}

const STANDARD_INPUT: Source = { name: 'standard input', path: undefined, target: '' };

/** Files that are read from a folder. A file that is named itself may have any name. */
const MANIFEST = /\.(ya?ml|json)$/i;

/*
 * Synchronous IO: manifests are many and small, so handing each to another thread takes longer than reading it.
 */

/**
 * The files that arguments name: files, folders with everything below except hidden files, patterns, `-`. Each file
 * once.
 *
 * @param options whether folders give their Dockerfiles, too
 * @throws WrongUse with all arguments that name no file
 */
export function findSources(args: readonly string[], { withDockerfiles = false } = {}): Source[] {
  const problems: string[] = [];
  const sources = new Map<string, Source>();
  for (const arg of args) {
    const found = arg === '-' ? [STANDARD_INPUT] : sourcesOf(arg, withDockerfiles);
    if (typeof found === 'string') {
      problems.push(found);
      continue;
    }
    for (const source of found) {
      const key = source.path === undefined ? '-' : realpathSync.native(source.path);
      if (!sources.has(key)) sources.set(key, source);
    }
  }
  if (problems.length > 0) throw new WrongUse(problems.join('\n'));
  return [...sources.values()];
}

/** The files that an argument names, or why it names none. */
function sourcesOf(arg: string, withDockerfiles: boolean): Source[] | string {
  const status = statusOf(arg);
  if (status?.isDirectory()) {
    const files = filesBelow(arg, withDockerfiles);
    if (typeof files === 'string') return files;
    return files.length > 0
      ? files.map((path) => ({ name: path, path, target: relative(arg, path) }))
      : `${arg} has no files that end in .yaml, .yml or .json; name others one by one`;
  }
  if (status !== undefined) return [{ name: arg, path: arg, target: basename(arg) }];
  if (!/[*?[{]/.test(arg)) return `${arg} doesn't exist; correct its name`;
  const files = matching(arg);
  const base = arg.slice(0, arg.slice(0, arg.search(/[*?[{]/)).lastIndexOf('/') + 1);
  return files.length > 0
    ? files.map((path) => ({ name: path, path, target: relative(base, path) }))
    : `no file matches ${arg}; correct the pattern`;
}

/** The manifests in a folder, or why it can't be read. */
function filesBelow(folder: string, withDockerfiles: boolean): string[] | string {
  try {
    return walk(folder, withDockerfiles);
  } catch (error) {
    return `${folder} can't be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function walk(folder: string, withDockerfiles: boolean): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap((entry): string[] => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return walk(path, withDockerfiles);
      const isRead = MANIFEST.test(entry.name) || (withDockerfiles && isDockerfile(entry.name));
      return isRead && isFile(path, entry) ? [path] : [];
    })
    .sort();
}

/** Follows symbolic links to files, but not to folders, which may be cycles. */
const isFile = (path: string, entry: Dirent) =>
  entry.isSymbolicLink() ? statusOf(path)?.isFile() === true : entry.isFile();

const matching = (pattern: string) =>
  globSync(pattern)
    .filter((path) => statusOf(path)?.isFile())
    .sort();

/** Undefined for a file that doesn't exist or can't be reached. */
function statusOf(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** A larger file would take minutes. An object has at most 1.5 MB (etcd's `--max-request-bytes`). */
const LARGEST_BYTES = 16 * 2 ** 20;

/** A source that can't be read. The message says why. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
  /** Nothing of it is known. */
  readonly text = '';
}

/**
 * The text of a source, a byte order mark included.
 *
 * @throws Unreadable
 */
export async function readSource({ path }: Source): Promise<string> {
  let bytes: Uint8Array;
  try {
    if (path !== undefined) checkSize(statSync(path).size);
    bytes = path === undefined ? await buffer(process.stdin) : readFileSync(path);
    checkSize(bytes.length);
  } catch (cause) {
    if (cause instanceof Unreadable) throw cause;
    throw new Unreadable(`it can't be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Unreadable('it is not UTF-8; convert it', { cause });
  }
}

/** @throws Unreadable */
function checkSize(bytes: number): void {
  if (bytes <= LARGEST_BYTES) return;
  throw new Unreadable(`it has ${Math.ceil(bytes / 2 ** 20)} MiB, and may have 16; split it`);
}
