import { readFileSync, statSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { certificatesIn } from '../../pem.ts';
import type { ClusterEnvironment } from './environment.ts';
import { type ClusterEntry, emptyCluster, emptyUser, type UserEntry } from './kubeconfig.ts';

/** The cluster that this pod is in, and its ServiceAccount. */
export interface InCluster {
  readonly namespace: string;
  readonly cluster: ClusterEntry;
  readonly user: UserEntry;
}

/** Where the kubelet mounts the ServiceAccount's token. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The pod's own cluster; undefined outside pods (client-go rest/config.go, `InClusterConfig`; tools/clientcmd/client_config.go,
 * `inClusterClientConfig`).
 */
export function inCluster({
  serviceHost,
  servicePort,
  podNamespace,
}: ClusterEnvironment): InCluster | undefined {
  const tokenFile = join(SERVICE_ACCOUNT, 'token');
  const isPod = serviceHost !== '' && servicePort !== '' && isFile(tokenFile);
  if (!isPod) return undefined;
  const caFile = join(SERVICE_ACCOUNT, 'ca.crt');
  const hasCa = certificatesIn(read(caFile)).length > 0;
  return {
    namespace: podNamespace || read(join(SERVICE_ACCOUNT, 'namespace')).trim() || 'default',
    cluster: {
      ...emptyCluster,
      server: `https://${isIPv6(serviceHost) ? `[${serviceHost}]` : serviceHost}:${servicePort}`,
      'certificate-authority': hasCa ? caFile : '',
    },
    user: { ...emptyUser, tokenFile },
  };
}

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;

/** An empty text for a file that can't be read. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
