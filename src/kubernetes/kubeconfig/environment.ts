import { noProxies, type Proxies } from '../../proxies.ts';

/** What the environment says about the cluster, as client-go reads it. */
export interface ClusterEnvironment {
  /** KUBECONFIG: a list of paths, or an empty text. */
  readonly kubeconfig: string;
  /** The home folders that may have a `.kube/config`, by precedence; more than one only on Windows. */
  readonly homes: readonly string[];
  /** KUBERNETES_MASTER: the server of a cluster that names none. */
  readonly master: string;
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: the API server, for pods. */
  readonly serviceHost: string;
  readonly servicePort: string;
  /** POD_NAMESPACE: the pod's own namespace. */
  readonly podNamespace: string;
  readonly proxies: Proxies;
  /** All variables, for credential plugins. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** An environment that says nothing. */
export const noEnvironment: ClusterEnvironment = {
  kubeconfig: '',
  homes: [],
  master: '',
  serviceHost: '',
  servicePort: '',
  podNamespace: '',
  proxies: noProxies,
  variables: {},
};
