import { readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { codeOf, whyUnreadable } from '../../system-error.ts';
import { InvalidKubeconfig } from '../error.ts';
import type { ClusterEnvironment } from './environment.ts';
import { type Kubeconfig, parseKubeconfig } from './kubeconfig.ts';
import { mergeKubeconfigs, withAbsolutePaths } from './merge.ts';

/** The merged kubeconfig, and the files of KUBECONFIG that don't exist. */
export interface LoadedKubeconfig {
  readonly kubeconfig: Kubeconfig;
  readonly missing: readonly string[];
}

/**
 * Reads the kubeconfig at `path`, which has to exist; or the files of KUBECONFIG, or `~/.kube/config`, as far as they exist
 * (client-go tools/clientcmd/loader.go, `ClientConfigLoadingRules`).
 *
 * @throws InvalidKubeconfig for a file that can't be read
 */
export function loadKubeconfig(
  path: string | undefined,
  { kubeconfig, homes }: ClusterEnvironment,
): LoadedKubeconfig {
  if (path !== undefined) {
    const remedy = 'correct the path';
    const read = readKubeconfig(path, remedy);
    if (read === undefined) {
      throw new InvalidKubeconfig(`kubeconfig ${path} can't be read: there is no such file; ${remedy}`);
    }
    return { kubeconfig: read, missing: [] };
  }
  const paths = kubeconfig === '' ? [homeFile(homes)] : [...new Set(kubeconfig.split(delimiter))];
  const remedy = kubeconfig === '' ? 'correct that file' : 'correct KUBECONFIG';
  const found: Kubeconfig[] = [];
  const missing: string[] = [];
  for (const candidate of paths.filter((each) => each !== '')) {
    const read = readKubeconfig(candidate, remedy);
    if (read === undefined) missing.push(candidate);
    else found.push(read);
  }
  return { kubeconfig: mergeKubeconfigs(found), missing: kubeconfig === '' ? [] : missing };
}

/** `~/.kube/config` in the first of the home folders that has one. Without any, it counts from the working directory. */
function homeFile(homes: readonly string[]): string {
  const files = homes.map((home) => join(home, '.kube', 'config'));
  const exists = (file: string) => statSync(file, { throwIfNoEntry: false }) !== undefined;
  return (files.length > 1 ? files.find(exists) : undefined) ?? files[0] ?? join('.kube', 'config');
}

/** Undefined for a file that doesn't exist. */
function readKubeconfig(path: string, remedy: string): Kubeconfig | undefined {
  let content: Uint8Array;
  try {
    content = readFileSync(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw new InvalidKubeconfig(
      `kubeconfig ${path} can't be read: ${whyUnreadable(cause) ?? 'it is out of reach'}; ${remedy}`,
      { cause },
    );
  }
  return withAbsolutePaths(parseKubeconfig(content, path), resolve(dirname(path)));
}
