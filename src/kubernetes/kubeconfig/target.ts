import { InvalidKubeconfig } from '../error.ts';
import type { ClusterEnvironment } from './environment.ts';
import { type InCluster, inCluster } from './in-cluster.ts';
import {
  type ClusterEntry,
  type ContextEntry,
  emptyCluster,
  emptyUser,
  type Kubeconfig,
  type UserEntry,
} from './kubeconfig.ts';
import { type LoadedKubeconfig, loadKubeconfig } from './load.ts';
import { clusterProblems, userProblems } from './problems.ts';
import { parseServer, type Server } from './server.ts';

/** Which cluster to talk to, and as whom. */
export interface Target {
  /** The names in the kubeconfig; undefined for the pod's own cluster. */
  readonly context: string | undefined;
  readonly clusterName: string | undefined;
  readonly userName: string | undefined;
  readonly namespace: string;
  readonly server: Server;
  readonly cluster: ClusterEntry;
  readonly user: UserEntry;
}

export interface TargetOptions {
  /** A path, instead of what the environment names. */
  readonly kubeconfig?: string | undefined;
  /** Instead of the current context. */
  readonly context?: string | undefined;
}

/** Where kubectl goes if nothing names a cluster (client-go tools/clientcmd/client_config.go, `getDefaultServer`). */
const DEFAULT_SERVER = 'http://localhost:8080';

/**
 * The cluster that kubectl would talk to: the context's, or in a pod that has none, the pod's own (client-go
 * tools/clientcmd/client_config.go, `ClientConfig`; merged_client_builder.go). Unlike kubectl, an error where no server is
 * named, instead of whatever listens at localhost:8080.
 *
 * @throws InvalidKubeconfig
 */
export function findTarget(options: TargetOptions, environment: ClusterEnvironment): Target {
  const loaded = loadKubeconfig(options.kubeconfig, environment);
  const { kubeconfig } = loaded;
  const contextName = options.context ?? kubeconfig.currentContext;
  const context = contextOf(kubeconfig, contextName, options.context !== undefined);
  const cluster = kubeconfig.clusters.get(context.cluster) ?? emptyCluster;
  const user = kubeconfig.users.get(context.user) ?? emptyUser;
  refuse(`cluster "${context.cluster}"`, clusterProblems(cluster));
  refuse(`user "${context.user}"`, userProblems(user));
  const pod = inCluster(environment);
  const master = environment.master || DEFAULT_SERVER;
  const server = cluster.server || master;
  if (pod !== undefined && server === master && isBare(cluster, user)) return ofPod(pod);
  if (server === DEFAULT_SERVER && cluster.server === '') throw nowhere(loaded, contextName, context);
  const parsed = parseServer(server);
  if (parsed.url.startsWith('https:') && context.user !== '' && !kubeconfig.users.has(context.user)) {
    throw new InvalidKubeconfig(
      `context "${contextName}" names the user "${context.user}", which the kubeconfig doesn't have; add or correct it`,
    );
  }
  return {
    context: contextName,
    clusterName: context.cluster,
    userName: context.user,
    namespace: context.namespace || pod?.namespace || 'default',
    server: parsed,
    cluster,
    user,
  };
}

/** The context of that name; an empty one if there is neither. */
function contextOf(kubeconfig: Kubeconfig, name: string, isAsked: boolean): ContextEntry {
  const context = kubeconfig.contexts.get(name);
  if (context !== undefined || (name === '' && !isAsked)) {
    return context ?? { cluster: '', user: '', namespace: '' };
  }
  const known = namesOf(kubeconfig);
  const has = known === '' ? 'add it' : `it has ${known}`;
  throw new InvalidKubeconfig(
    isAsked
      ? `the kubeconfig has no context "${name}"; ${has}`
      : `the kubeconfig's current-context is "${name}", which it doesn't have; ${has}`,
  );
}

const namesOf = ({ contexts }: Kubeconfig) => [...contexts.keys()].map((name) => `"${name}"`).join(', ');

function refuse(of: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new InvalidKubeconfig(`the kubeconfig's ${of} is invalid: ${problems.join('; and ')}`);
}

/** Whether an entry says no more than kubectl's default, which gives way to the pod's own cluster. */
const isBare = (cluster: ClusterEntry, user: UserEntry) =>
  cluster['proxy-url'] === '' && !cluster['disable-compression'] && user.as === '';

const ofPod = ({ namespace, cluster, user }: InCluster): Target => ({
  context: undefined,
  clusterName: undefined,
  userName: undefined,
  namespace,
  server: parseServer(cluster.server),
  cluster,
  user,
});

/** The error for a kubeconfig that leads to no server. */
function nowhere({ kubeconfig, missing }: LoadedKubeconfig, name: string, context: ContextEntry) {
  if (name !== '' && context.cluster === '') {
    return new InvalidKubeconfig(`context "${name}" names no cluster; add its cluster`);
  }
  if (name !== '') {
    const lacks = kubeconfig.clusters.has(context.cluster)
      ? 'which has no server; add it'
      : "which the kubeconfig doesn't have; add or correct it";
    return new InvalidKubeconfig(`context "${name}" names the cluster "${context.cluster}", ${lacks}`);
  }
  const known = namesOf(kubeconfig);
  if (known !== '') {
    return new InvalidKubeconfig(
      `the kubeconfig names no cluster; set its current-context, or give --context: it has ${known}`,
    );
  }
  if (missing.length > 0) {
    return new InvalidKubeconfig(
      `KUBECONFIG names no file that exists: ${missing.join(', ')}; correct it, or give --kubeconfig`,
    );
  }
  return new InvalidKubeconfig(
    'there is no kubeconfig, and this is no pod; give --kubeconfig, set KUBECONFIG, or write ~/.kube/config',
  );
}
