import type { Dispatcher } from 'undici';
import type { CredentialSource } from '../source.ts';
import { AzureCredentials } from './azure.ts';
import { EcrCredentials, type Proxies } from './ecr.ts';
import { GoogleCredentials } from './google.ts';
import { type Cloud, clouds } from './hosts.ts';
import type { Clock } from './refreshing.ts';

export interface CloudOptions {
  /** Those to use; all if left out. */
  readonly clouds?: readonly Cloud[] | undefined;
  /** The connections to reach a registry's URL over. */
  readonly dispatcher: (url: URL) => Dispatcher;
  /** For the AWS SDK; those of Google and Azure read HTTPS_PROXY and NO_PROXY themselves. */
  readonly proxies?: Proxies | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * The sources of credentials of tagpin's own identity in a cloud, in the order to ask them; no image belongs to two.
 * Each loads its SDK, and looks for an identity, when an image of its cloud comes along, and not before.
 */
export function createCloudSources(options: CloudOptions): CredentialSource[] {
  const { dispatcher, proxies, clock } = options;
  const sources: Record<Cloud, () => CredentialSource> = {
    ecr: () => new EcrCredentials(proxies, clock),
    google: () => new GoogleCredentials(clock),
    azure: () => new AzureCredentials(dispatcher, clock),
  };
  const wanted = new Set(options.clouds ?? clouds);
  return clouds.filter((cloud) => wanted.has(cloud)).map((cloud) => sources[cloud]());
}
