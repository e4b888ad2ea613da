import { delimiter, resolve } from 'node:path';

/** The keys that hold a path; `*` is any key. */
const PATHS = [
  ['dockerConfig'],
  ['registries', '*', 'caFile'],
  ['registries', '*', 'clientCertFile'],
  ['registries', '*', 'clientKeyFile'],
  ['webhook', 'certificate', 'certFile'],
  ['webhook', 'certificate', 'keyFile'],
];
/** The keys that hold a list of paths, as in PATH. */
const LISTS = [['certsDirectory']];

/** The content of a configuration file with its relative paths counted from `folder`, the file's own. */
export function withAbsolutePaths(value: unknown, folder: string): unknown {
  const absolute = (path: string) => (path === '' ? path : resolve(folder, path));
  const list = (paths: string) => paths.split(delimiter).map(absolute).join(delimiter);
  const inPaths = PATHS.reduce((changed, at) => changeAt(changed, at, absolute), value);
  return LISTS.reduce((changed, at) => changeAt(changed, at, list), inPaths);
}

/** The value with the texts at a key changed; what has another shape stays, and is reported when it is validated. */
function changeAt(value: unknown, at: readonly string[], change: (text: string) => string): unknown {
  const [key, ...inner] = at;
  if (key === undefined) return typeof value === 'string' ? change(value) : value;
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([name, part]) => [
    name,
    key === '*' || key === name ? changeAt(part, inner, change) : part,
  ]);
  return Object.fromEntries(entries);
}
