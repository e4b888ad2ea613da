import { KubernetesError, remedyFor as remedyOf } from '../kubernetes/error.ts';
import { RegistryError } from '../registry/error.ts';
import type { Failure } from '../resolve/failure.ts';

/** What whoever is at the command line can do about an API server that doesn't do what it was asked for. */
export const remedyFor = (error: KubernetesError): string => remedyOf(error, 'person');

/**
 * The failure with what whoever is at the command line can do: they have permissions of their own, and the webhook's
 * configuration counts only if they give it.
 */
export function atCommandLine(failure: Failure, error: unknown): Failure {
  if (error instanceof KubernetesError) return { ...failure, remedy: remedyFor(error) };
  if (error instanceof RegistryError && error.failure === 'untrusted') return { ...failure, remedy: TRUST };
  return failure;
}

const TRUST =
  "add the registry's CA to a configuration (registries.<host>.caFile) and give that by --registry-config FILE: " +
  "the webhook's, with paths that are right on this machine";
