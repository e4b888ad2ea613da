import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import { type Result, run } from './command.ts';
import type { Manifest } from './namespace.ts';

/** The project's chart. */
export const chart = join(import.meta.dirname, '../../charts/tagpin');

/** Runs helm in tagpin's namespace, with its own files below the cluster's folder. Failures don't throw. */
export function helmOf(cluster: Cluster) {
  const home = join(cluster.directory, 'helm');
  const env = {
    KUBECONFIG: cluster.kubeconfig,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
  };
  return (args: readonly string[], values: Manifest = {}): Promise<Result> =>
    run([cluster.programs.helm, ...args, '--namespace=tagpin-system', '--values=-'], {
      env,
      input: JSON.stringify(values),
    });
}
