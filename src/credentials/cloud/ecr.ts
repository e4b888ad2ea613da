import { Agent } from 'node:https';
import { z } from 'zod';
import { untilAborted } from '../../singleflight.ts';
import { Credential } from '../credential.ts';
import { CredentialError, type CredentialSource } from '../source.ts';
import { explain, isUnreachable } from './explain.ts';
import { type EcrRegistry, ecrRegistry, hostOf } from './hosts.ts';
import { absence, type Clock, type Perishable, Refreshing, systemClock, token } from './refreshing.ts';

/** The proxies to reach a cloud's API through: the AWS SDK doesn't look for any itself. */
export interface Proxies {
  readonly https: string | undefined;
  /** As NO_PROXY has it. */
  readonly noProxy: string;
}

/** How the API is reached that gives out the tokens of a registry. */
export interface EcrApi {
  readonly region: string;
  readonly useFipsEndpoint: boolean;
  readonly useDualstackEndpoint: boolean;
}

/** What there is for a registry, or why there is nothing. */
type Outcome = readonly Credential[] | CredentialError;

const LONGEST_LIFE_MS = 12 * 60 * 60 * 1_000;
/** The only region that has the API of the public registry (Amazon ECR Public user guide, "Registry authentication"). */
const PUBLIC_REGION = 'us-east-1';
const CONNECT_TIMEOUT_MS = 3_000;
const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Credentials for Amazon ECR by the role that tagpin itself has, found the SDK's way: environment, IRSA, pod identity,
 * the node's role.
 *
 * A token is good for all that the role may read, in any account (`GetAuthorizationToken`, where `registryIds` is
 * deprecated for that reason), so one a region is enough. Without one the public registry is used anonymously.
 */
export class EcrCredentials implements CredentialSource {
  readonly #clock: Clock;
  readonly #proxies: Proxies | undefined;
  readonly #outcomes: Refreshing<Outcome>;

  constructor(proxies?: Proxies, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#proxies = proxies;
    this.#outcomes = new Refreshing(clock);
  }

  async credentials(repository: string, signal: AbortSignal): Promise<readonly Credential[]> {
    const registry = ecrRegistry(hostOf(repository));
    if (registry === undefined) return [];
    const key = registry.kind === 'public' ? 'public' : JSON.stringify(apiOf(registry));
    const outcome = await this.#outcomes.get(key, signal, (renewal) =>
      registry.kind === 'public' ? this.#public(renewal) : this.#private(apiOf(registry), renewal),
    );
    if (outcome instanceof CredentialError) throw outcome;
    return outcome;
  }

  async #private(api: EcrApi, signal: AbortSignal): Promise<Perishable<Outcome>> {
    const { ECRClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
    const client = new ECRClient({ ...api, requestHandler: this.#requestHandler() });
    try {
      const answer = client.send(new GetAuthorizationTokenCommand({}), { abortSignal: signal });
      const { authorizationData } = await untilAborted(answer, signal);
      return this.#perishable(authorizationData?.[0], `ECR ${api.region}`);
    } catch (error) {
      const failure = failed(api.region, error);
      if (isWithoutIdentity(error)) return absence<Outcome>(failure);
      throw failure;
    } finally {
      client.destroy();
    }
  }

  async #public(signal: AbortSignal): Promise<Perishable<Outcome>> {
    const { ECRPUBLICClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr-public');
    const client = new ECRPUBLICClient({ region: PUBLIC_REGION, requestHandler: this.#requestHandler() });
    try {
      const answer = client.send(new GetAuthorizationTokenCommand({}), { abortSignal: signal });
      const { authorizationData } = await untilAborted(answer, signal);
      return this.#perishable(authorizationData, 'ECR Public');
    } catch {
      return absence<Outcome>([]);
    } finally {
      client.destroy();
    }
  }

  #perishable(data: unknown, registry: string): Perishable<Outcome> {
    const { authorizationToken, expiresAt } = authorizationData.parse(data);
    const credential = new Credential({
      ...authorizationToken,
      source: `tagpin's AWS identity (${registry})`,
    });
    return token<Outcome>(
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
 * The API that belongs to a registry's host: whoever names the FIPS host, or the one that has IPv6 addresses too,
 * means the whole way there.
 */
export function apiOf({ region, fips, domain }: Extract<EcrRegistry, { kind: 'private' }>): EcrApi {
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

/** The SDK has looked everywhere, and found no identity that it could use or fail with. */
const isWithoutIdentity = (error: unknown) =>
  error instanceof Error && error.name === 'CredentialsProviderError';

function failed(region: string, error: unknown): CredentialError {
  const source = `ECR ${region}`;
  if (error instanceof z.ZodError) {
    return new CredentialError(
      source,
      `${source} answers with something that is no token`,
      'try again later',
    );
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
    `${source} gives no token: ${explain(error)}`,
    isUnreachable(error)
      ? `let tagpin reach the API of ${source}: network policy, proxy or VPC endpoint`
      : "allow tagpin's IAM role ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer",
  );
}
