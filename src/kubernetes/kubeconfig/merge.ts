import { isAbsolute, join, sep } from 'node:path';
import { type ClusterEntry, emptyKubeconfig, type Kubeconfig, type UserEntry } from './kubeconfig.ts';

/**
 * Several kubeconfigs as one: the first to set the current context, or an entry of some name, wins; entries aren't mixed
 * (client-go tools/clientcmd/loader.go, `Load`).
 */
export function mergeKubeconfigs(kubeconfigs: readonly Kubeconfig[]): Kubeconfig {
  return kubeconfigs.reduceRight(
    (others, first) => ({
      currentContext: first.currentContext || others.currentContext,
      clusters: new Map([...others.clusters, ...first.clusters]),
      users: new Map([...others.users, ...first.users]),
      contexts: new Map([...others.contexts, ...first.contexts]),
    }),
    emptyKubeconfig,
  );
}

/** The kubeconfig with the paths in it counted from `folder`, that of its file (`ResolveLocalPaths`). */
export function withAbsolutePaths(kubeconfig: Kubeconfig, folder: string): Kubeconfig {
  const absolute = (path: string) => (path === '' || isAbsolute(path) ? path : join(folder, path));
  const ofCluster = (cluster: ClusterEntry): ClusterEntry => ({
    ...cluster,
    'certificate-authority': absolute(cluster['certificate-authority']),
  });
  const ofUser = ({ exec, ...user }: UserEntry): UserEntry => ({
    ...user,
    'client-certificate': absolute(user['client-certificate']),
    'client-key': absolute(user['client-key']),
    tokenFile: absolute(user.tokenFile),
    // A command without a folder is looked for in PATH.
    exec: exec?.command.includes(sep) ? { ...exec, command: absolute(exec.command) } : exec,
  });
  return {
    ...kubeconfig,
    clusters: mapValues(kubeconfig.clusters, ofCluster),
    users: mapValues(kubeconfig.users, ofUser),
  };
}

const mapValues = <T>(map: ReadonlyMap<string, T>, change: (value: T) => T): Map<string, T> =>
  new Map([...map].map(([name, value]) => [name, change(value)]));
