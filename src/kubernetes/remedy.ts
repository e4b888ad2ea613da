import type { KubernetesError } from './error.ts';

/** Who asks the API server: whoever is at the command line, with a kubeconfig, or the webhook, with its ServiceAccount. */
export type Asker = 'person' | 'webhook';

/** The one place that decides what to do about an API server that doesn't do what it was asked for. */
export function remedyFor({ status, reason }: KubernetesError, asker: Asker): string {
  const of = remedies[asker];
  if (reason === 'TooManyWaiting') return FEWER;
  if (status === 0) return of.unreachable;
  if (status === 401) return of.unauthorized;
  return status === 403 ? of.forbidden : AGAIN;
}

const FEWER =
  'try again; if it stays, give these pods fewer pull secrets, or look for what creates so many pods in this namespace';
const AGAIN = 'try again; if it stays, look at the API server';

const remedies: Readonly<Record<Asker, { unreachable: string; unauthorized: string; forbidden: string }>> = {
  person: {
    unreachable: 'look at the kubeconfig, its context and the API server',
    unauthorized: "log in to the cluster again, or correct the kubeconfig's credentials",
    forbidden: 'ask for that permission',
  },
  webhook: {
    unreachable: AGAIN,
    unauthorized:
      "the API server doesn't accept the token of tagpin's ServiceAccount: restart tagpin, or look at that token",
    forbidden: "grant tagpin's ServiceAccount that permission",
  },
};
