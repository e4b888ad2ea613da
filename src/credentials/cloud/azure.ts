import type { Dispatcher } from 'undici';
import { untilAborted } from '../../singleflight.ts';
import { Credential } from '../credential.ts';
import { CredentialError, type CredentialSource } from '../source.ts';
import { exchange, RefusedExchange } from './azure-exchange.ts';
import { explain, isUnreachable } from './explain.ts';
import { hostOf, isAzureRegistry } from './hosts.ts';
import { absence, type Clock, type Perishable, Refreshing, systemClock, token } from './refreshing.ts';

const SCOPE = 'https://containerregistry.azure.net/.default';
/** The user that goes with a refresh token (Azure Container Registry, `az acr login --expose-token`). */
const USER = '00000000-0000-0000-0000-000000000000';
/** Managed identities get tokens of up to a day. */
const LONGEST_ENTRA_LIFE_MS = 24 * 60 * 60 * 1_000;
/** A registry's refresh token lives three hours. */
const LONGEST_LIFE_MS = 3 * 60 * 60 * 1_000;

/**
 * Credentials for Azure Container Registry: a token from Microsoft Entra for tagpin's own identity (workload identity,
 * managed identity, environment), exchanged at each registry for one of its refresh tokens. Without an identity there
 * are none: a registry may allow anonymous pulls.
 */
export class AzureCredentials implements CredentialSource {
  readonly #dispatcher: (url: URL) => Dispatcher;
  readonly #clock: Clock;
  readonly #entra: Refreshing<string | undefined>;
  readonly #outcomes: Refreshing<readonly Credential[]>;

  /** @param dispatcher the connections to reach a registry's URL over, those that its images are asked for */
  constructor(dispatcher: (url: URL) => Dispatcher, clock: Clock = systemClock) {
    this.#dispatcher = dispatcher;
    this.#clock = clock;
    this.#entra = new Refreshing(clock);
    this.#outcomes = new Refreshing(clock);
  }

  async credentials(repository: string, signal: AbortSignal): Promise<readonly Credential[]> {
    const host = hostOf(repository);
    if (!isAzureRegistry(host)) return [];
    return this.#outcomes.get(host, signal, (renewal) => this.#obtain(host, renewal));
  }

  async #obtain(host: string, signal: AbortSignal): Promise<Perishable<readonly Credential[]>> {
    const entraToken = await this.#entra
      .get('', signal, (renewal) => untilAborted(this.#login(), renewal))
      .catch(failLogin);
    if (entraToken === undefined) return absence([]);
    const { refreshToken, lifetime } = await exchange(host, entraToken, this.#dispatcher, signal).catch(
      (error: unknown) => failExchange(host, error),
    );
    const credential = new Credential({
      username: USER,
      password: refreshToken,
      source: `tagpin's Azure identity (${host})`,
    });
    return token([credential], lifetime, LONGEST_LIFE_MS);
  }

  async #login(): Promise<Perishable<string | undefined>> {
    const azure = await import('@azure/identity');
    const workloadIdentity = configured(() => new azure.WorkloadIdentityCredential(identityOptions()));
    // By itself, where it is set up: the default chain would go on to look for another identity when it is refused.
    const identity = workloadIdentity ?? new azure.DefaultAzureCredential(identityOptions());
    try {
      const { token: accessToken, expiresOnTimestamp } = await identity.getToken(SCOPE);
      const lifetime = expiresOnTimestamp - this.#clock.now();
      return token<string | undefined>(accessToken, lifetime, LONGEST_ENTRA_LIFE_MS);
    } catch (error) {
      if (workloadIdentity !== undefined) throw error;
      if (!(error instanceof azure.AggregateAuthenticationError)) throw error;
      // Those that aren't there are unavailable; one that is there and is refused tells why.
      const refused = error.errors.find((one) => !isUnavailable(one));
      if (refused !== undefined) throw refused;
      return absence<string | undefined>(undefined);
    }
  }
}

/**
 * Which authority to believe is set by whoever runs tagpin (AZURE_AUTHORITY_HOST), never by an image: asking
 * login.microsoftonline.com whether it exists is a request more, and in a sovereign cloud one that fails.
 * New ones each time, because the SDK writes into them.
 */
const identityOptions = () => ({
  disableInstanceDiscovery: true,
  retryOptions: { maxRetries: 2, retryDelayInMs: 500 },
});

/** A credential, unless it isn't set up. */
function configured<T>(create: () => T): T | undefined {
  try {
    return create();
  } catch (error) {
    if (isUnavailable(error)) return undefined;
    throw error;
  }
}

const isUnavailable = (error: unknown) =>
  error instanceof Error && error.name === 'CredentialUnavailableError';

function failLogin(error: unknown): never {
  throw new CredentialError(
    'Azure registries',
    `Microsoft Entra gives no token: ${explain(error)}`,
    "let tagpin's ServiceAccount act by workload identity (annotation azure.workload.identity/client-id, label azure.workload.identity/use on its pods, a federated credential for it)",
  );
}

function failExchange(host: string, error: unknown): never {
  const refused = error instanceof RefusedExchange;
  throw new CredentialError(
    `Azure ${host}`,
    `${host} gives no token: ${refused ? error.message : explain(error)}`,
    isUnreachable(error)
      ? `let tagpin reach ${host}, and check its name`
      : "give tagpin's Azure identity the role AcrPull on the registry",
  );
}
