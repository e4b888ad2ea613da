import { Agent } from 'node:https';
import { z } from 'zod';
import { type Clock, systemClock } from '../../clock.ts';
import { untilAborted } from '../../singleflight.ts';
import { Credential, CredentialError } from '../credential.ts';
import type { EcrRegistry } from './cloud-registry.ts';
import { isUnreachable, messageOf } from './sdk-error.ts';
import { type Cacheable, noIdentity, TokenCache, token } from './token-cache.ts';

/** The proxies for AWS's API: the SDK reads no environment variables for them. */
export interface AwsProxies {
  readonly https: string | undefined;
  /** In the syntax of NO_PROXY. */
  readonly noProxy: string;
}

/** The API endpoint that issues a registry's tokens. */
export interface EcrApi {
  readonly region: string;
  readonly useFipsEndpoint: boolean;
  readonly useDualstackEndpoint: boolean;
}

type PrivateRegistry = Extract<EcrRegistry, { kind: 'private' }>;

/** The credentials for a registry, or why there are none. */
type EcrLogin = readonly Credential[] | CredentialError;

const LONGEST_LIFE_MS = 12 * 60 * 60 * 1_000;
/** The only region with an API for the public registry (Amazon ECR Public user guide, "Registry authentication"). */
const PUBLIC_REGION = 'us-east-1';
const CONNECT_TIMEOUT_MS = 3_000;
const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Credentials for Amazon ECR by tagpin's own role, which the SDK finds: environment, IRSA, pod identity, the node's
 * role.
 *
 * A token is valid for everything that the role may read, in any account (`GetAuthorizationToken`, where `registryIds`
 * is deprecated for that reason), so there is one per region. Without a token the public registry is used anonymously.
 */
export class EcrCredentials {
  readonly #clock: Clock;
  readonly #proxies: AwsProxies | undefined;
  readonly #logins: TokenCache<EcrLogin>;

  constructor(proxies?: AwsProxies, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#proxies = proxies;
    this.#logins = new TokenCache(clock);
  }

  /** @throws CredentialError, or the signal's reason */
  async credentials(registry: EcrRegistry, signal: AbortSignal): Promise<readonly Credential[]> {
    const key = registry.kind === 'public' ? 'public' : JSON.stringify(apiOf(registry));
    const login = await this.#logins.get(key, signal, (renewal) =>
      registry.kind === 'public' ? this.#public(renewal) : this.#private(apiOf(registry), renewal),
    );
    if (login instanceof CredentialError) throw login;
    return login;
  }

  async #private(api: EcrApi, signal: AbortSignal): Promise<Cacheable<EcrLogin>> {
    const { ECRClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
    const client = new ECRClient({ ...api, requestHandler: this.#requestHandler() });
    try {
      const answer = client.send(new GetAuthorizationTokenCommand({}), { abortSignal: signal });
      const { authorizationData } = await untilAborted(answer, signal);
      return this.#cacheable(authorizationData?.[0], `ECR ${api.region}`);
    } catch (error) {
      const failure = failed(api.region, error);
      if (isWithoutIdentity(error)) return noIdentity<EcrLogin>(failure);
      throw failure;
    } finally {
      client.destroy();
    }
  }

  async #public(signal: AbortSignal): Promise<Cacheable<EcrLogin>> {
    const { ECRPUBLICClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr-public');
    const client = new ECRPUBLICClient({ region: PUBLIC_REGION, requestHandler: this.#requestHandler() });
    try {
      const answer = client.send(new GetAuthorizationTokenCommand({}), { abortSignal: signal });
      const { authorizationData } = await untilAborted(answer, signal);
      return this.#cacheable(authorizationData, 'ECR Public');
    } catch {
      return noIdentity<EcrLogin>([]);
    } finally {
      client.destroy();
    }
  }

  #cacheable(data: unknown, registry: string): Cacheable<EcrLogin> {
    const { authorizationToken, expiresAt } = authorizationData.parse(data);
    const credential = new Credential({
      ...authorizationToken,
      source: `tagpin's AWS identity (${registry})`,
    });
    return token<EcrLogin>(
      [credential],
      expiresAt === undefined ? Number.NaN : expiresAt.getTime() - this.#clock.now(),
      LONGEST_LIFE_MS,
    );
  }

  #requestHandler() {
    const { https, noProxy } = this.#proxies ?? {};
    return {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      ...(https && { httpsAgent: new Agent({ proxyEnv: { HTTPS_PROXY: https, NO_PROXY: noProxy } }) }),
    };
  }
}

/**
 * The API for a registry's host. A FIPS or dual-stack host means that the API is to be reached in the same way.
 */
export function apiOf({ region, fips, domain }: PrivateRegistry): EcrApi {
  return { region, useFipsEndpoint: fips, useDualstackEndpoint: domain.startsWith('on.') };
}

const authorizationData = z.object({
  authorizationToken: z.string().transform((text, context) => {
    const [, username, password] = /^([^:]+):(.+)$/s.exec(Buffer.from(text, 'base64').toString('utf8')) ?? [];
    if (username !== undefined && password !== undefined) return { username, password };
    context.addIssue({ code: 'custom', message: 'not base64 of user:password' });
    return z.NEVER;
  }),
  expiresAt: z.date().optional(),
});

/** The SDK has tried every provider in its chain and found no identity. */
const isWithoutIdentity = (error: unknown) =>
  error instanceof Error && error.name === 'CredentialsProviderError';

function failed(region: string, error: unknown): CredentialError {
  const source = `ECR ${region}`;
  if (error instanceof z.ZodError) {
    return new CredentialError(source, `${source} answers with an invalid token`, 'try again later');
  }
  if (isWithoutIdentity(error)) {
    return new CredentialError(
      source,
      `tagpin has no AWS identity to get a token for ${source} as`,
      "give tagpin's ServiceAccount an IAM role (EKS Pod Identity or IRSA) that may ecr:GetAuthorizationToken, or the pod an imagePullSecret",
    );
  }
  return new CredentialError(
    source,
    `${source} gives no token: ${messageOf(error)}`,
    isUnreachable(error)
      ? `let tagpin reach the API of ${source}: network policy, proxy or VPC endpoint`
      : "allow tagpin's IAM role ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer",
  );
}
