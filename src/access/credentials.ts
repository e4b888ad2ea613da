import { existsSync } from 'node:fs';
import { CommandFailed, WrongUse } from '../console/exit.ts';
import type { Terminal } from '../console/terminal.ts';
import { CredentialError, type CredentialSource } from '../credentials/credential.ts';
import { CredentialHelpers } from '../credentials/credential-helper.ts';
import { DockerConfigFile } from '../credentials/docker-config-file.ts';
import { type PullCredentials, PullSecrets } from '../credentials/pull-secrets.ts';
import { createKubernetesApi, type KubernetesApi } from '../kubernetes/api.ts';
import type { Connection } from '../kubernetes/connection.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { readNamespace } from './namespace.ts';
import { remedyFor } from './remedies.ts';

/**
 * The credentials in the docker config at `path`, or in the first of `places` that exists, or none. Credential helpers
 * come first: if there is one for a registry, docker ignores the rest of the file.
 *
 * @param stop ends running helpers
 * @throws WrongUse if the file can't be read
 */
export function openLogin(
  path: string | undefined,
  places: readonly string[],
  stop: AbortSignal,
): CredentialSource[] {
  const found = path ?? places.find((place) => existsSync(place));
  if (found === undefined) return [];
  try {
    const file = new DockerConfigFile(found);
    return [new CredentialHelpers(file, stop), file];
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    throw new WrongUse(`${error.message}; ${error.remedy}`);
  }
}

/** The pod to pull as, with the API server's defaults. */
export interface PodOptions {
  namespace?: string;
  serviceAccount?: string;
  /** Replace the pull secrets of the ServiceAccount, as `imagePullSecrets` does in a pod. */
  pullSecret?: string[];
}

/**
 * The pull secrets of such a pod. A missing or broken one is only warned about, because the kubelet pulls without it.
 *
 * @throws CommandFailed
 */
export async function readPullCredentials(
  pod: PodOptions,
  connection: Connection,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<PullCredentials> {
  const namespace = pod.namespace ?? connection.namespace;
  const kubernetes = createKubernetesApi(connection);
  if (pod.namespace !== undefined) await readNamespace(kubernetes, namespace, signal);
  try {
    if (pod.serviceAccount !== undefined) {
      await mustExist(kubernetes, namespace, pod.serviceAccount, signal);
    }
    const found = await new PullSecrets(kubernetes).credentials(
      {
        namespace,
        imagePullSecrets: pod.pullSecret ?? [],
        serviceAccountName: pod.serviceAccount ?? 'default',
      },
      signal,
    );
    for (const name of found.missing) {
      terminal.err(`tagpin: warning: pull secret "${name}" doesn't exist in namespace ${namespace}\n`);
    }
    for (const { secret, error } of found.keyring.broken) {
      terminal.err(
        `tagpin: warning: pull secret "${secret.name}" in namespace ${namespace}: ${error.message}\n`,
      );
    }
    return found;
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    throw new CommandFailed(`pull secrets can't be read: ${error.message}; ${remedyFor(error)}`);
  }
}

/** The API server refuses a pod whose ServiceAccount doesn't exist. */
async function mustExist(
  kubernetes: KubernetesApi,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  if ((await kubernetes.readServiceAccount(namespace, name, signal)) !== undefined) return;
  throw new CommandFailed(
    `service account "${name}" doesn't exist in namespace ${namespace}; create it or correct its name`,
  );
}
