import { join } from 'node:path';
import { parseHostsFile, readCertificateFiles } from './hosts-file.ts';
import type { Registries, RegistrySettings } from './registry-settings.ts';
import type { TrackedFiles } from './tracked-files.ts';

/** What a folder such as `/etc/containerd/certs.d` says. */
export interface HostsDirectory {
  readonly registries: ReadonlyMap<string, RegistrySettings>;
  /** For hosts without a folder of their own. */
  readonly otherwise: RegistrySettings | undefined;
}

const DEFAULT = '_default';

/**
 * Reads a folder of containerd's registry configuration, as a node has it (containerd docs/hosts.md): a folder for each
 * host with a `hosts.toml`, or with certificates as docker lays them out.
 *
 * @returns the settings, and what is wrong with them, each with its file and key
 */
export function readHostsDirectory(
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
    // `registry.example.com_5000_` counts before `registry.example.com:5000`, as with containerd.
    if (folderOf(host) !== name && names.includes(folderOf(host))) continue;
    const read = readFolder(join(root, name), files);
    registries.set(host, read.settings);
    problems.push(...read.problems);
  }
  const otherwise = registries.get(DEFAULT);
  registries.delete(DEFAULT);
  return { directory: { registries, otherwise: otherwise && withoutHeaders(otherwise) }, problems };
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

/** A mounted ConfigMap has hidden folders beside the real ones, which are links. */
const isHostFolder = (root: string, name: string, files: TrackedFiles) =>
  !name.startsWith('.') && files.isFolder(join(root, name));

/** Names of folders can't hold a colon everywhere: containerd writes `host_port_` too (`hostDirectory`). */
const hostOf = (folder: string) => folder.replace(/^(.+)_(\d+)_$/, '$1:$2');
const folderOf = (host: string) => host.replace(/^(.+):(\d+)$/, '$1_$2_');

/** Headers may be secrets, and the defaults are for whatever host an image names. */
function withoutHeaders(settings: RegistrySettings): RegistrySettings {
  return settings.root === undefined ? { ...settings, headers: {} } : settings;
}

/** What the configuration file says of registries counts, key by key, before what the folder says of the same host. */
export function combine(
  { registries, otherwise }: HostsDirectory = { registries: new Map(), otherwise: undefined },
  configured: Readonly<Record<string, RegistrySettings>>,
): Registries {
  const own = Object.entries(configured).map(
    ([host, settings]) => [host, { ...(registries.get(host) ?? otherwise), ...settings }] as const,
  );
  return { settings: new Map([...registries, ...own]), otherwise };
}
