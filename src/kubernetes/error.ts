/** A request to the API server that failed: on the way to it, or by its answer. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The API server's reason (`NotFound`, `Forbidden`, `Conflict`…), or tagpin's own where there was no answer. */
  readonly reason: string;
  /** The API server's warnings, which kubectl shows behind `Warning:`. */
  readonly warnings: readonly string[];
  /** What to do about it, if that isn't the same for all errors of this status and reason. */
  readonly remedy: string | undefined;

  constructor(
    message: string,
    details: {
      status: number;
      reason: string;
      warnings?: readonly string[];
      remedy?: string;
      cause?: unknown;
    },
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.reason = details.reason;
    this.warnings = details.warnings ?? [];
    this.remedy = details.remedy;
  }
}

/** The error for credentials that can't be had, so that nothing was sent. */
export const noCredentials = (message: string, remedy: string, cause?: unknown) =>
  new KubernetesError(message, { status: 0, reason: 'NoCredentials', remedy, cause });

/** Thrown if the API server's address or the credentials for it can't be found. The message says what to correct. */
export class InvalidKubeconfig extends Error {
  override readonly name = 'InvalidKubeconfig';
}

/** Who uses the API server: a person at the command line, with a kubeconfig, or the webhook, with its ServiceAccount. */
export type Audience = 'person' | 'webhook';

/** What to do about an API server that doesn't answer as expected: the one place that says so. */
export function remedyFor({ status, reason, remedy }: KubernetesError, audience: Audience): string {
  const of = remedies[audience];
  if (remedy !== undefined) return remedy;
  if (reason === 'TooManyWaiting') return FEWER;
  if (status === 0) return of.unreachable;
  if (status === 401) return of.unauthorized;
  return status === 403 ? of.forbidden : AGAIN;
}

const FEWER =
  'try again; if it stays, give these pods fewer pull secrets, or look for what creates so many pods in this namespace';
const AGAIN = 'try again; if it stays, look at the API server';

const remedies: Readonly<Record<Audience, { unreachable: string; unauthorized: string; forbidden: string }>> =
  {
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
