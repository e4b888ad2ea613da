import type { Credential } from '../credentials/credential.ts';
import { RegistryError } from '../registry/error.ts';
import { meaningOf } from '../registry/failures.ts';

/**
 * Asks with each credential in turn until one succeeds, or fails in a way that another can't mend. With any credential,
 * nothing is asked anonymously: the kubelet never pulls anonymously then (kubernetes pkg/kubelet/images/image_manager.go),
 * so it couldn't pull what was pinned.
 *
 * @param ask gets the credential, and its index if it is one of those given
 * @throws the most telling of the RegistryErrors, or any other error of `ask` at once
 */
export async function tryCredentials<T>(
  credentials: readonly Credential[],
  ask: (credential: Credential | undefined, index: number | undefined) => Promise<T>,
): Promise<T> {
  const errors: RegistryError[] = [];
  for (const [index, credential] of credentials.length > 0 ? credentials.entries() : anonymously) {
    try {
      return await ask(credential, index);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      errors.push(error);
      if (!meaningOf(error.failure).nextCredential) break;
    }
  }
  throw mostTelling(errors);
}

const anonymously: readonly [undefined, undefined][] = [[undefined, undefined]];

/** The error of an accepted credential tells more than that of a refused one. */
function mostTelling(errors: RegistryError[]): RegistryError | undefined {
  return errors.find(({ failure }) => failure !== 'unauthorized') ?? errors.at(-1);
}
