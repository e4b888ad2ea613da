import { deadlineIn } from '../deadline.ts';
import { type Credential, CredentialError, type CredentialSource } from './credential.ts';
import type { Keyring } from './keyring.ts';

/** The credentials for an image, and the errors of sources that are meant for it and failed. */
export interface FoundCredentials {
  readonly credentials: readonly Credential[];
  readonly failures: readonly CredentialError[];
}

/** How long a source may take if the pod has pull secrets for the image, which may be enough. */
const SOURCE_TIMEOUT_MS = 2_000;

/**
 * The credentials for an image: those of the pod's pull secrets first, then those of tagpin's own sources in their order,
 * as the kubelet tries its node's after a pod's (kubernetes pkg/credentialprovider/secrets/secrets.go,
 * `MakeDockerKeyring`). If there are any, the image isn't resolved anonymously.
 */
export class CredentialSources {
  readonly #sources: readonly CredentialSource[];

  constructor(sources: readonly CredentialSource[]) {
    this.#sources = sources;
  }

  /**
   * Asks all sources concurrently. A source that fails or hangs doesn't affect the others.
   *
   * @param repository `docker.io/library/nginx`, neither tag nor digest
   * @throws CredentialError of a source, or the signal's reason, once the signal has aborted
   */
  async find(
    repository: string,
    keyring: Pick<Keyring, 'lookup'> | undefined,
    signal: AbortSignal,
  ): Promise<FoundCredentials> {
    const fromSecrets = keyring?.lookup(repository) ?? [];
    using timeout = deadlineIn(SOURCE_TIMEOUT_MS);
    const sourceSignal = fromSecrets.length === 0 ? signal : AbortSignal.any([signal, timeout.signal]);
    const requests = this.#sources.map(async (source) => source.credentials(repository, sourceSignal));
    const results = await Promise.allSettled(requests);
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (signal.aborted) {
      throw failures.find((failure) => failure instanceof CredentialError) ?? signal.reason;
    }
    const own = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    return {
      credentials: [...fromSecrets, ...own],
      failures: failures.map((failure) =>
        failure === sourceSignal.reason ? timedOut() : toCredentialError(failure),
      ),
    };
  }
}

const timedOut = () =>
  new CredentialError(
    'a source of credentials',
    "tagpin's own credentials weren't available in time",
    "check whether tagpin can reach its cloud's API",
  );

/** The message of an unexpected error isn't shown, because it could hold a secret. */
function toCredentialError(failure: unknown): CredentialError {
  if (failure instanceof CredentialError) return failure;
  return new CredentialError(
    'a source of credentials',
    'tagpin failed to get credentials',
    "see tagpin's log",
    failure,
  );
}
