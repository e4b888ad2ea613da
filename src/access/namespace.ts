import { CommandFailed } from '../console/exit.ts';
import type { KubernetesApi, ObjectMetadata } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { resources } from '../kubernetes/resources.ts';
import { isNeverPinned, neverPinned, optInMistake, optInOf } from '../pin/opt-in.ts';
import { remedyFor } from './remedies.ts';

/**
 * The metadata of a namespace that has to exist, because nothing is found and nothing is wrong in one that doesn't.
 * Undefined without permission to read it.
 *
 * @throws CommandFailed
 */
export async function readNamespace(
  api: Pick<KubernetesApi, 'readMetadata'>,
  name: string,
  signal: AbortSignal,
): Promise<ObjectMetadata | undefined> {
  let found: ObjectMetadata | undefined;
  try {
    found = await api.readMetadata(resources.Namespace, undefined, name, signal);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.status === 403) return undefined;
    throw new CommandFailed(`namespace ${name} can't be read: ${error.message}; ${remedyFor(error)}`);
  }
  if (found !== undefined) return found;
  throw new CommandFailed(`namespace "${name}" doesn't exist; correct its name or the kubeconfig's context`);
}

/** Why no pod of a namespace will be pinned, however complete the installation is. */
export function obstaclesOf(name: string, metadata: ObjectMetadata | undefined, own: string): string[] {
  const mistake = optInMistake(name, optInOf(metadata?.labels));
  return [
    ...(isNeverPinned(name, own) ? [neverPinned(name)] : []),
    ...(mistake === undefined ? [] : [mistake]),
  ];
}
