/** Which cloud a registry host belongs to. Every pattern is anchored: `public.ecr.aws.evil.example` is nobody's. */

/** The clouds whose registries tagpin can log in to as itself. */
export const clouds = ['ecr', 'google', 'azure'] as const;
export type Cloud = (typeof clouds)[number];

/** An ECR registry: an account's own one in a region, or the public one. */
export type EcrRegistry =
  | {
      readonly kind: 'private';
      readonly account: string;
      readonly region: string;
      /** The host is one of those validated by FIPS 140. */
      readonly fips: boolean;
      readonly domain: string;
    }
  | { readonly kind: 'public' };

// awslabs/amazon-ecr-credential-helper ecr-login/api/client.go, `ecrPattern`; amazonaws.eu is the European partition.
const ECR =
  /^(\d{12})\.dkr[.-]ecr(-fips)?\.([a-zA-Z0-9][a-zA-Z0-9_-]*)\.(amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/;
const ECR_PUBLIC = new Set(['public.ecr.aws', 'ecr-public.aws.com']);

// google/go-containerregistry pkg/v1/google/keychain.go, `isGoogle`, but of google.com no more than the kubelet takes
// (kubernetes/cloud-provider-gcp pkg/gcpcredential): the others aren't registries.
const GOOGLE = /^(?:container\.cloud\.google\.com|gcr\.io|[a-z0-9.-]+\.(?:gcr\.io|pkg\.dev))$/;

// kubernetes-sigs/cloud-provider-azure pkg/credentialprovider/azure_credentials.go, `containerRegistryUrls`.
const AZURE = /^[a-z0-9][a-z0-9.-]*\.azurecr\.(?:io|cn|de|us)$/;

/** The registry host of a repository such as `docker.io/library/nginx`, without the port that https has anyway. */
export function hostOf(repository: string): string {
  const [host = ''] = repository.split('/', 1);
  return host.replace(/:443$/, '');
}

export function ecrRegistry(host: string): EcrRegistry | undefined {
  if (ECR_PUBLIC.has(host)) return { kind: 'public' };
  const [, account, fips, region, domain] = ECR.exec(host) ?? [];
  if (account === undefined || region === undefined || domain === undefined) return undefined;
  return { kind: 'private', account, region, fips: fips !== undefined, domain };
}

export const isGoogleRegistry = (host: string): boolean => GOOGLE.test(host);

export const isAzureRegistry = (host: string): boolean => AZURE.test(host);
