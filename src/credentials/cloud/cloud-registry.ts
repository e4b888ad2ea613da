/** The clouds whose registries tagpin can log in to with an identity of its own. */
export const clouds = ['ecr', 'google', 'azure'] as const;
export type Cloud = (typeof clouds)[number];

/** An ECR registry: one that an account has in a region, or the public one. */
export type EcrRegistry =
  | {
      readonly kind: 'private';
      readonly account: string;
      readonly region: string;
      /** The host is a FIPS 140 validated endpoint. */
      readonly fips: boolean;
      readonly domain: string;
    }
  | { readonly kind: 'public' };

/** A registry of a cloud, with what its login needs. */
export type CloudRegistry =
  | { readonly cloud: 'ecr'; readonly registry: EcrRegistry }
  | { readonly cloud: 'google' }
  | { readonly cloud: 'azure'; readonly host: string };

// Every pattern is anchored: `public.ecr.aws.evil.example` belongs to no cloud.

// awslabs/amazon-ecr-credential-helper ecr-login/api/client.go, `ecrPattern`; amazonaws.eu is the European partition.
const ECR =
  /^(\d{12})\.dkr[.-]ecr(-fips)?\.([a-zA-Z0-9][a-zA-Z0-9_-]*)\.(amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/;
const ECR_PUBLIC = new Set(['public.ecr.aws', 'ecr-public.aws.com']);

// google/go-containerregistry pkg/v1/google/keychain.go, `isGoogle`, limited to the hosts of google.com that the kubelet
// takes (kubernetes/cloud-provider-gcp pkg/gcpcredential): the others aren't registries.
const GOOGLE = /^(?:container\.cloud\.google\.com|gcr\.io|[a-z0-9.-]+\.(?:gcr\.io|pkg\.dev))$/;

// kubernetes-sigs/cloud-provider-azure pkg/credentialprovider/azure_credentials.go, `containerRegistryUrls`.
const AZURE = /^[a-z0-9][a-z0-9.-]*\.azurecr\.(?:io|cn|de|us)$/;

/**
 * The cloud registry that a repository (`gcr.io/project/app`) is in; undefined if it is in none. A port counts as part
 * of the host, except 443, the default of https.
 */
export function cloudRegistryOf(repository: string): CloudRegistry | undefined {
  const [authority = ''] = repository.split('/', 1);
  const host = authority.replace(/:443$/, '');
  if (GOOGLE.test(host)) return { cloud: 'google' };
  if (AZURE.test(host)) return { cloud: 'azure', host };
  const registry = ecrRegistry(host);
  return registry && { cloud: 'ecr', registry };
}

/** The ECR registry at a host, without a port. */
export function ecrRegistry(host: string): EcrRegistry | undefined {
  if (ECR_PUBLIC.has(host)) return { kind: 'public' };
  const [, account, fips, region, domain] = ECR.exec(host) ?? [];
  if (account === undefined || region === undefined || domain === undefined) return undefined;
  return { kind: 'private', account, region, fips: fips !== undefined, domain };
}
