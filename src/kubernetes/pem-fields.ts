import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { certificatesIn } from '../pem.ts';
import { whyUnreadable } from '../system-error.ts';
import { noCredentials } from './error.ts';
import type { ClusterEntry, UserEntry } from './kubeconfig/kubeconfig.ts';

/*
 * The fields of a kubeconfig that hold PEM, in base64 or in a file. Files are read each time, because they change.
 */

/**
 * The CAs that a cluster's entry names; undefined if the system's are to be trusted.
 *
 * @throws KubernetesError with a remedy
 */
export function authorityOf(cluster: ClusterEntry, name: string): string | undefined {
  const { 'certificate-authority': file, 'certificate-authority-data': data } = cluster;
  if (file === '' && data.length === 0) return undefined;
  const of = `the certificate-authority of cluster "${name}"`;
  if (cluster['insecure-skip-tls-verify']) {
    throw noCredentials(
      `${of} and insecure-skip-tls-verify exclude each other`,
      'remove one from the kubeconfig',
    );
  }
  const ca = contentOf(data, file, of);
  if (certificatesIn(ca).length > 0) return ca;
  throw noCredentials(`${of} holds no certificate in PEM`, 'correct it in the kubeconfig');
}

/**
 * A user's own certificate and key, as PEM.
 *
 * @throws KubernetesError with a remedy
 */
export function certificateOf(user: UserEntry, name: string): { cert: string; key: string } | undefined {
  const of = `the client certificate of user "${name}"`;
  const cert = contentOf(user['client-certificate-data'], user['client-certificate'], of);
  const key = contentOf(user['client-key-data'], user['client-key'], of);
  return cert === '' || key === '' ? undefined : { cert, key };
}

function contentOf(data: Uint8Array, file: string, of: string): string {
  if (data.length > 0 || file === '') return Buffer.from(data).toString('utf8');
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw noCredentials(
      `${of} can't be read from ${file}: ${whyUnreadable(cause) ?? 'it is out of reach'}`,
      'correct the kubeconfig',
      cause,
    );
  }
}

/**
 * The pair, once OpenSSL has tried it.
 *
 * @throws KubernetesError with a remedy
 */
export function usable(pair: { cert: string; key: string } | undefined, name: string) {
  if (pair === undefined) return undefined;
  try {
    createSecureContext(pair);
    return pair;
  } catch (cause) {
    throw noCredentials(
      `the client certificate of user "${name}" and its key are no pair in PEM`,
      'correct them in the kubeconfig',
      cause,
    );
  }
}
