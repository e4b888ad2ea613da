import type { Dispatcher } from 'undici';
import { untilAborted } from '../../flight.ts';
import { Credential } from '../credential.ts';
import { CredentialError, type CredentialSource } from '../source.ts';
import { exchange, RefusedExchange } from './azure-exchange.ts';
import { explain } from './explain.ts';
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
    const { DefaultAzureCredential } = await import('@azure/identity');
    // Which authority to believe is set by whoever runs tagpin (AZURE_AUTHORITY_HOST), not by an image: asking
    // login.microsoftonline.com whether it exists is a request more, and in a sovereign cloud one that fails.
    const identity = new DefaultAzureCredential({ disableInstanceDiscovery: true });
    try {
      const { token: accessToken, expiresOnTimestamp } = await identity.getToken(SCOPE);
      return token<string | undefined>(
        accessToken,
        expiresOnTimestamp - this.#clock.now(),
        LONGEST_ENTRA_LIFE_MS,
      );
    } catch (error) {
      if (!isWithoutIdentity(error)) throw error;
      return absence<string | undefined>(undefined);
    }
  }
}

/** None of the chain's credentials could be used, which is other than one that was refused. */
const isWithoutIdentity = (error: unknown) =>
  error instanceof Error &&
  ['AggregateAuthenticationError', 'CredentialUnavailableError'].includes(error.name);

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
    "give tagpin's Azure identity the role AcrPull on the registry, and check the registry's name",
  );
}
