import { delimiter, join } from 'node:path';
import { parseHostsFile, readCertificateFiles } from './hosts-file.ts';
import type { Registries, RegistrySettings } from './registry-settings.ts';
import type { TrackedFiles } from './tracked-files.ts';

/** The settings in a folder such as `/etc/containerd/certs.d`. */
export interface HostsDirectory {
  readonly registries: ReadonlyMap<string, RegistrySettings>;
  /** For hosts without a folder of their own (`_default`). */
  readonly defaults: RegistrySettings | undefined;
}

const DEFAULT = '_default';

/**
 * Reads a list of such folders, as containerd's `config_path` is one (core/remotes/docker/config/hosts.go,
 * `HostDirFromRoots`): the first with a folder for the host, or with defaults, counts. Folders of several that don't exist
 * say nothing, unless none does.
 */
export function readHostsDirectories(
  list: string,
  files: TrackedFiles,
): { directory: HostsDirectory; problems: string[] } {
  const roots = list.split(delimiter).filter((root) => root !== '');
  const present = roots.filter((root) => files.exists(root));
  const registries = new Map<string, RegistrySettings>();
  const problems: string[] = [];
  for (const root of present.length === 0 ? roots : present) {
    const read = readHostsDirectory(root, files);
    problems.push(...read.problems);
    for (const [host, settings] of read.directory.registries) {
      if (!registries.has(host)) registries.set(host, settings);
    }
    const { defaults } = read.directory;
    if (defaults !== undefined) return { directory: { registries, defaults }, problems };
  }
  return { directory: { registries, defaults: undefined }, problems };
}

/**
 * Reads a node's registry configuration for containerd (containerd docs/hosts.md): a folder for each host, with a
 * `hosts.toml`, or with certificates in docker's layout.
 *
 * @returns the settings, and the problems, each with its file and key
 */
function readHostsDirectory(
  root: string,
  files: TrackedFiles,
): { directory: HostsDirectory; problems: string[] } {
  const registries = new Map<string, RegistrySettings>();
  const problems: string[] = [];
  let names: string[] = [];
  try {
    names = files.list(root).filter((name) => isHostFolder(root, name, files));
  } catch {
    problems.push(`${root}: the folder must be there and be readable`);
  }
  for (const name of names) {
    const host = hostOf(name);
    // `registry.example.com_5000_` takes precedence over `registry.example.com:5000`, as in containerd.
    if (folderOf(host) !== name && names.includes(folderOf(host))) continue;
    const read = readFolder(join(root, name), files);
    registries.set(host, read.settings);
    problems.push(...read.problems);
  }
  const defaults = registries.get(DEFAULT);
  registries.delete(DEFAULT);
  return { directory: { registries, defaults: defaults && withoutHeaders(defaults) }, problems };
}

function readFolder(folder: string, files: TrackedFiles): { settings: RegistrySettings; problems: string[] } {
  try {
    const names = files.list(folder);
    const file = join(folder, 'hosts.toml');
    const text = names.includes('hosts.toml') ? files.read(file) : '';
    if (text === '') return readCertificateFiles({ path: folder, files }, names);
    const { settings, problems } = parseHostsFile(text, { path: folder, files });
    return { settings, problems: problems.map((problem) => `${file}: ${problem}`) };
  } catch {
    return { settings: {}, problems: [`${folder}: it must be readable`] };
  }
}

/** A mounted ConfigMap has hidden folders besides the links to them. */
const isHostFolder = (root: string, name: string, files: TrackedFiles) =>
  !name.startsWith('.') && files.isFolder(join(root, name));

/** Some file systems allow no colon in names, so containerd also accepts `host_port_` (`hostDirectory`). */
const hostOf = (folder: string) => folder.replace(/^(.+)_(\d+)_$/, '$1:$2');
const folderOf = (host: string) => host.replace(/^(.+):(\d+)$/, '$1_$2_');

/** Headers may be secrets, and the defaults apply to any host that an image names. */
function withoutHeaders(settings: RegistrySettings): RegistrySettings {
  return settings.root === undefined ? { ...settings, headers: {} } : settings;
}

/** Combines both; for each key of a host, the configuration file takes precedence over the folder. */
export function combine(
  { registries, defaults }: HostsDirectory = { registries: new Map(), defaults: undefined },
  configured: Readonly<Record<string, RegistrySettings>>,
): Registries {
  const own = Object.entries(configured).map(
    ([host, settings]) => [host, { ...(registries.get(host) ?? defaults), ...settings }] as const,
  );
  return { settings: new Map([...registries, ...own]), defaults };
}
