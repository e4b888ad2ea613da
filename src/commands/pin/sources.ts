import { type Dirent, globSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { WrongUse } from '../../console/exit.ts';

/** A manifest to be read. */
export interface Source {
  /** What messages call it. */
  name: string;
  /** Undefined: standard input. */
  path: string | undefined;
  /** Where it goes below a folder for output. */
  target: string;
}

const STANDARD_INPUT: Source = { name: 'standard input', path: undefined, target: '' };

/** What is taken from a folder; a file that is named is taken whatever its name. */
const MANIFEST = /\.(ya?ml|json)$/i;

/*
 * All at once and waiting for each: manifests are small and many, and to hand each to another thread and back takes
 * longer than to read it.
 */

/**
 * What the arguments stand for: files, folders with all below them but hidden ones, patterns, `-`. Each file once.
 *
 * @throws WrongUse that names all that stand for nothing
 */
export function findSources(args: readonly string[]): Source[] {
  const problems: string[] = [];
  const sources = new Map<string, Source>();
  for (const arg of args) {
    const found = arg === '-' ? [STANDARD_INPUT] : sourcesOf(arg);
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

/** The files that an argument stands for, or why it stands for none. */
function sourcesOf(arg: string): Source[] | string {
  const status = statusOf(arg);
  if (status?.isDirectory()) {
    const files = filesBelow(arg);
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

/** Or why they can't be told. */
function filesBelow(folder: string): string[] | string {
  try {
    return walk(folder);
  } catch (error) {
    return `${folder} can't be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap((entry): string[] => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return walk(path);
      return MANIFEST.test(entry.name) && isFile(path, entry) ? [path] : [];
    })
    .sort();
}

/** Through a symbolic link too. One to a folder isn't followed: it may lead back. */
const isFile = (path: string, entry: Dirent) =>
  entry.isSymbolicLink() ? statusOf(path)?.isFile() === true : entry.isFile();

const matching = (pattern: string) =>
  globSync(pattern)
    .filter((path) => statusOf(path)?.isFile())
    .sort();

/** Undefined for what isn't there, or can't be reached. */
function statusOf(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** To read more takes minutes. An object can't have over 1.5 MB (etcd's `--max-request-bytes`), and so that is many. */
const LARGEST_BYTES = 16 * 2 ** 20;

/** Thrown for a source that can't be read. The message says why. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
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
