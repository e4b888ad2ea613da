import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keyPath } from './key-path.ts';

/** A file of the configuration, by its path. */
export interface ConfigFile {
  readonly file: string;
  readonly text: string;
}

/**
 * The files at a path: itself, or those in it that are called `*.yaml`, in the order of their names. A mounted
 * ConfigMap is such a folder; its own bookkeeping starts with a dot.
 *
 * @throws Error of the file system, or where a folder has none
 */
export function readConfigFiles(path: string): ConfigFile[] {
  const read = (file: string) => ({ file, text: readFileSync(file, 'utf8') });
  if (!statSync(path).isDirectory()) return [read(path)];
  const names = readdirSync(path).filter((name) => /^[^.].*\.yaml$/.test(name));
  if (names.length === 0) throw new Error('the folder has no file called *.yaml');
  return names.sort().map((name) => read(join(path, name)));
}

/** What files of the configuration say, one by one. */
export interface Said {
  readonly file: string;
  readonly value: unknown;
}

/**
 * What several files say together: maps are joined, whatever their depth. Which of two values should count nobody
 * could tell from the files: that a key has one in two of them is a problem.
 */
export function joinConfigs(all: readonly Said[]): { value: unknown; problems: string[] } {
  const problems: string[] = [];
  const origins = new Map<string, string>();
  const join = (into: Map<string, unknown>, { file, value }: Said, at: readonly string[]) => {
    for (const [key, part] of Object.entries(value ?? {})) {
      const path = [...at, key];
      const name = keyPath(path);
      const there = into.get(key);
      if (there === undefined && !isMap(part)) into.set(key, part);
      else if (there === undefined) into.set(key, new Map());
      else if (!(there instanceof Map) || !isMap(part))
        problems.push(`${name}: ${origins.get(name)} has it and ${file} too; leave it in one of them`);
      if (!origins.has(name)) origins.set(name, file);
      const inner = into.get(key);
      if (inner instanceof Map && isMap(part)) join(inner, { file, value: part }, path);
    }
  };
  const joined = new Map<string, unknown>();
  for (const said of all) join(joined, said, []);
  return { value: plain(joined), problems };
}

const isMap = (value: unknown) => value !== null && typeof value === 'object' && !Array.isArray(value);

const plain = (value: unknown): unknown =>
  value instanceof Map
    ? Object.fromEntries([...value].map(([key, part]: [string, unknown]) => [key, plain(part)]))
    : value;
