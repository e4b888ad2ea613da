import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keyPath } from './key-path.ts';

/** A file of the configuration. */
export interface ConfigFile {
  readonly file: string;
  readonly text: string;
}

/**
 * The file at a path; if it is a folder, such as a mounted ConfigMap, its files `*.yaml` in the order of their names.
 * Files that begin with a dot are the ConfigMap's own bookkeeping.
 *
 * @throws an error of the file system, or one for a folder without such files
 */
export function readConfigFiles(path: string): ConfigFile[] {
  const read = (file: string) => ({ file, text: readFileSync(file, 'utf8') });
  if (!statSync(path).isDirectory()) return [read(path)];
  const names = readdirSync(path).filter((name) => /^[^.].*\.yaml$/.test(name));
  if (names.length === 0) throw new Error('the folder has no file called *.yaml');
  return names.sort().map((name) => read(join(path, name)));
}

/** The content of one file, parsed. */
export interface ConfigDocument {
  readonly file: string;
  readonly value: unknown;
}

/**
 * Joins the content of several files: maps are merged at every depth. A key with a value in two files is a problem,
 * because nothing in the files says which of them counts.
 */
export function joinConfigs(all: readonly ConfigDocument[]): { value: unknown; problems: string[] } {
  const problems: string[] = [];
  const origins = new Map<string, string>();
  const join = (into: Map<string, unknown>, { file, value }: ConfigDocument, at: readonly string[]) => {
    for (const [key, part] of Object.entries(value ?? {})) {
      const path = [...at, key];
      const name = keyPath(path);
      const existing = into.get(key);
      if (existing === undefined && !isMap(part)) into.set(key, part);
      else if (existing === undefined) into.set(key, new Map());
      else if (!(existing instanceof Map) || !isMap(part))
        problems.push(`${name}: ${origins.get(name)} has it and ${file} too; leave it in one of them`);
      if (!origins.has(name)) origins.set(name, file);
      const inner = into.get(key);
      if (inner instanceof Map && isMap(part)) join(inner, { file, value: part }, path);
    }
  };
  const joined = new Map<string, unknown>();
  for (const document of all) join(joined, document, []);
  return { value: plain(joined), problems };
}

const isMap = (value: unknown) => value !== null && typeof value === 'object' && !Array.isArray(value);

const plain = (value: unknown): unknown =>
  value instanceof Map
    ? Object.fromEntries([...value].map(([key, part]: [string, unknown]) => [key, plain(part)]))
    : value;
