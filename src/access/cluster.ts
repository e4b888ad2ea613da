import { type Config, loadConfig } from '../config.ts';
import type { CommandContext } from '../console/runtime.ts';
import type { Progress } from '../console/terminal.ts';
import { PodCredentials } from '../credentials/pod-credentials.ts';
import { type PullIdentity, PullSecrets } from '../credentials/pull-secrets.ts';
import type { RegistryEngine } from '../engine.ts';
import { createKubernetesApi, type KubernetesApi } from '../kubernetes/api.ts';
import { printable } from '../printable.ts';
import { openLogin } from './credentials.ts';
import { openEngine } from './lookups.ts';

/** A cluster and the registries of its images, as a command that looks at the cluster's pods reaches them. */
export interface Cluster {
  /** Which one it is, in the person's kubeconfig. */
  name: { name: string | undefined; server: string };
  config: Config;
  api: KubernetesApi;
  engine: RegistryEngine;
  /** Aborts when the time is up, or when the process is asked to end. */
  signal: AbortSignal;
  /** The credentials of a pod. Its pull secrets are read with the permissions of the person. */
  podCredentials(identity: PullIdentity): PodCredentials;
}

export interface ClusterAccess {
  /** Milliseconds for the whole command. */
  timeout: number;
  dockerConfig?: string;
  registryConfig?: string;
}

/**
 * Connects to the cluster for as long as `use` takes.
 *
 * @param concurrency requests at a time to one registry, instead of the configuration's number
 * @throws WrongUse, InvalidConfig, the error of `use`
 */
export async function withCluster<T>(
  options: ClusterAccess,
  { environment, connect, interrupted }: CommandContext,
  use: (cluster: Cluster) => Promise<T>,
  concurrency?: number,
): Promise<T> {
  const config = loadConfig(options.registryConfig);
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(options.timeout)]);
  // The person's own login doesn't count: the cluster's pods don't have it.
  const sources = openLogin(options.dockerConfig ?? config.dockerConfig, [], signal);
  const connection = await connect();
  const api = createKubernetesApi(connection);
  const engine = openEngine(config, { sources, proxies: environment.proxies, concurrency });
  const pullSecrets = new PullSecrets(api);
  const podCredentials = (identity: PullIdentity) =>
    new PodCredentials(engine.credentials, () => pullSecrets.credentials(identity, signal), signal);
  try {
    const name = { name: connection.cluster, server: connection.server };
    return await use({ name, config, api, engine, signal, podCredentials });
  } finally {
    // Closing waits for requests in flight, whose answers nobody needs any more.
    for (const part of [engine, connection]) part.close().catch(() => undefined);
  }
}

/** Which cluster it is, for people: `cluster "production" at https://203.0.113.7:6443`. */
export const clusterInWords = ({ name, server }: Cluster['name']) =>
  `${name === undefined ? 'the cluster of this pod' : `cluster "${printable(name)}"`} at ${server}`;

/** The API with its lists counted as progress: each object, and the resource that is being read. */
export function countingReads(
  api: Pick<KubernetesApi, 'list'>,
  progress: Progress,
): Pick<KubernetesApi, 'list'> {
  return {
    async *list(resource, ...rest) {
      progress.begin(resource.name);
      try {
        for await (const object of api.list(resource, ...rest)) {
          progress.finish('');
          yield object;
        }
      } finally {
        progress.finish(resource.name, 0);
      }
    },
  };
}
