import type { KubernetesError } from '../kubernetes/error.ts';

/** What whoever is at the command line can do about an API server that doesn't do what it was asked for. */
export function remedyFor({ status }: KubernetesError): string {
  if (status === 0) return 'look at the kubeconfig, its context and the API server';
  return status === 403 ? 'ask for that permission' : 'try again; if it stays, look at the API server';
}
