import { deadlineIn } from '../deadline.ts';
import { type Credential, CredentialError, type CredentialSource } from './credential.ts';
import type { Keyring } from './keyring.ts';

/** The credentials for an image, and the sources that should have had some and failed. */
export interface FoundCredentials {
  readonly credentials: readonly Credential[];
  readonly failures: readonly CredentialError[];
}

/** A pod whose own pull secrets may do isn't kept waiting for longer by a source that says nothing. */
const PATIENCE_MS = 2_000;

/**
 * Finds the credentials for an image wherever there are any: the pod's pull secrets first, then tagpin's own sources in
 * their order, as the kubelet has its node's after a pod's (kubernetes pkg/credentialprovider/secrets/secrets.go,
 * `MakeDockerKeyring`). All are tried, and with any at all nothing is tried anonymously.
 */
export class Credentials {
  readonly #sources: readonly CredentialSource[];

  constructor(sources: readonly CredentialSource[]) {
    this.#sources = sources;
  }

  /**
   * Asks all sources at once. One that fails, or says nothing, keeps no other from being tried.
   *
   * @param repository `docker.io/library/nginx`, neither tag nor digest
   * @throws CredentialError of a source that used up all the time there was, or the signal's reason
   */
  async find(
    repository: string,
    keyring: Pick<Keyring, 'lookup'> | undefined,
    signal: AbortSignal,
  ): Promise<FoundCredentials> {
    const secret = keyring?.lookup(repository) ?? [];
    using patience = deadlineIn(PATIENCE_MS);
    const waiting = secret.length === 0 ? signal : AbortSignal.any([signal, patience.signal]);
    const asked = this.#sources.map(async (source) => source.credentials(repository, waiting));
    const answers = await Promise.allSettled(asked);
    const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    if (signal.aborted) {
      throw failures.find((failure) => failure instanceof CredentialError) ?? signal.reason;
    }
    const own = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    return {
      credentials: [...secret, ...own],
      failures: failures.map((failure) => (failure === waiting.reason ? late() : toCredentialError(failure))),
    };
  }
}

const late = () =>
  new CredentialError(
    'a source of credentials',
    "tagpin's own credentials weren't there in time",
    "look at whether tagpin reaches its cloud's API",
  );

/** What nobody foresaw says nothing of itself: it could be about a secret. */
function toCredentialError(failure: unknown): CredentialError {
  if (failure instanceof CredentialError) return failure;
  return new CredentialError(
    'a source of credentials',
    'tagpin failed to get credentials',
    "look at tagpin's log",
    failure,
  );
}
