import type { Dispatcher } from 'undici';
import type { Clock } from '../../clock.ts';
import type { Credential, CredentialSource } from '../credential.ts';
import { AzureCredentials } from './azure.ts';
import { type Cloud, cloudRegistryOf, clouds } from './cloud-registry.ts';
import { type AwsProxies, EcrCredentials } from './ecr.ts';
import { GoogleCredentials } from './google.ts';

export interface CloudOptions {
  /** The clouds to log in to; all of them by default. */
  readonly clouds?: readonly Cloud[] | undefined;
  /** The connections for a registry's URL. */
  readonly dispatcher: (url: URL) => Dispatcher;
  /** For the AWS SDK; the SDKs of Google and Azure read HTTPS_PROXY and NO_PROXY themselves. */
  readonly proxies?: AwsProxies | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Credentials for the registries of clouds, by the identity that tagpin itself has there. The repository's host decides
 * which cloud is asked; its SDK is loaded, and an identity looked for, at the first image in one of its registries.
 */
export class CloudCredentials implements CredentialSource {
  readonly #enabled: ReadonlySet<Cloud>;
  readonly #ecr: EcrCredentials;
  readonly #google: GoogleCredentials;
  readonly #azure: AzureCredentials;

  constructor({ clouds: enabled = clouds, dispatcher, proxies, clock }: CloudOptions) {
    this.#enabled = new Set(enabled);
    this.#ecr = new EcrCredentials(proxies, clock);
    this.#google = new GoogleCredentials(clock);
    this.#azure = new AzureCredentials(dispatcher, clock);
  }

  async credentials(repository: string, signal: AbortSignal): Promise<readonly Credential[]> {
    const found = cloudRegistryOf(repository);
    if (found === undefined || !this.#enabled.has(found.cloud)) return [];
    switch (found.cloud) {
      case 'ecr':
        return this.#ecr.credentials(found.registry, signal);
      case 'google':
        return this.#google.credentials(signal);
      case 'azure':
        return this.#azure.credentials(found.host, signal);
    }
  }
}
