import { KubernetesError, remedyFor as remedyOf } from '../kubernetes/error.ts';
import { RegistryError } from '../registry/error.ts';
import type { Failure } from '../resolve/failure.ts';

/** What a person at the command line can do about an error of the API server. */
export const remedyFor = (error: KubernetesError): string => remedyOf(error, 'person');

/**
 * The failure with a remedy for a person at the command line, who has other permissions than the webhook, and the
 * webhook's configuration only by `--registry-config`.
 */
export function atCommandLine(failure: Failure, error: unknown): Failure {
  if (error instanceof KubernetesError) return { ...failure, remedy: remedyFor(error) };
  if (error instanceof RegistryError && error.failure === 'untrusted') return { ...failure, remedy: TRUST };
  return failure;
}

const TRUST =
  "add the registry's CA to a configuration (registries.<host>.caFile) and give that by --registry-config FILE: " +
  "the webhook's, with paths that are right on this machine";
