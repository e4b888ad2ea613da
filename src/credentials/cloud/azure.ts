import { type Dispatcher, request } from 'undici';
import { z } from 'zod';
import { type Clock, systemClock } from '../../clock.ts';
import { parseJson } from '../../json.ts';
import { untilAborted } from '../../singleflight.ts';
import { Credential, CredentialError } from '../credential.ts';
import { isUnreachable, messageOf } from './sdk-error.ts';
import { type Cacheable, noIdentity, TokenCache, token } from './token-cache.ts';

const SCOPE = 'https://containerregistry.azure.net/.default';
/** The user name for a refresh token (Azure Container Registry, `az acr login --expose-token`). */
const USER = '00000000-0000-0000-0000-000000000000';
/** Managed identities get tokens for up to a day. */
const LONGEST_ENTRA_LIFE_MS = 24 * 60 * 60 * 1_000;
/** A registry's refresh token lives three hours. */
const LONGEST_LIFE_MS = 3 * 60 * 60 * 1_000;

/**
 * Credentials for Azure Container Registry: a token from Microsoft Entra for tagpin's own identity (workload identity,
 * managed identity, environment), exchanged at each registry for one of its refresh tokens. Without an identity there
 * are no credentials, because a registry may allow anonymous pulls.
 */
export class AzureCredentials {
  readonly #dispatcher: (url: URL) => Dispatcher;
  readonly #clock: Clock;
  readonly #entraTokens: TokenCache<string | undefined>;
  readonly #credentials: TokenCache<readonly Credential[]>;

  /** @param dispatcher the connections for a registry's URL, the same that resolve its images */
  constructor(dispatcher: (url: URL) => Dispatcher, clock: Clock = systemClock) {
    this.#dispatcher = dispatcher;
    this.#clock = clock;
    this.#entraTokens = new TokenCache(clock);
    this.#credentials = new TokenCache(clock);
  }

  /**
   * The credentials for the registry at `host`.
   *
   * @throws CredentialError, or the signal's reason
   */
  credentials(host: string, signal: AbortSignal): Promise<readonly Credential[]> {
    return this.#credentials.get(host, signal, (renewal) => this.#obtain(host, renewal));
  }

  async #obtain(host: string, signal: AbortSignal): Promise<Cacheable<readonly Credential[]>> {
    const entraToken = await this.#entraTokens
      .get('', signal, (renewal) => untilAborted(this.#login(), renewal))
      .catch(failLogin);
    if (entraToken === undefined) return noIdentity([]);
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

  async #login(): Promise<Cacheable<string | undefined>> {
    const azure = await import('@azure/identity');
    const workloadIdentity = configured(() => new azure.WorkloadIdentityCredential(identityOptions()));
    // Used alone where it is set up: when it is refused, the default chain would look for another identity.
    const identity = workloadIdentity ?? new azure.DefaultAzureCredential(identityOptions());
    try {
      const { token: accessToken, expiresOnTimestamp } = await identity.getToken(SCOPE);
      const lifetime = expiresOnTimestamp - this.#clock.now();
      return token<string | undefined>(accessToken, lifetime, LONGEST_ENTRA_LIFE_MS);
    } catch (error) {
      if (workloadIdentity !== undefined) throw error;
      if (!(error instanceof azure.AggregateAuthenticationError)) throw error;
      // An identity that isn't set up is unavailable; any other error is why the one that is set up was refused.
      const refused = error.errors.find((one) => !isUnavailable(one));
      if (refused !== undefined) throw refused;
      return noIdentity<string | undefined>(undefined);
    }
  }
}

/**
 * The authority is set by the operator (AZURE_AUTHORITY_HOST), never by an image. To ask login.microsoftonline.com
 * whether it exists would cost a request, and would fail in a sovereign cloud. A new object each time, because the SDK
 * writes into it.
 */
const identityOptions = () => ({
  disableInstanceDiscovery: true,
  retryOptions: { maxRetries: 2, retryDelayInMs: 500 },
});

/** A credential; undefined if it isn't set up. */
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
    `Microsoft Entra gives no token: ${messageOf(error)}`,
    "let tagpin's ServiceAccount act by workload identity (annotation azure.workload.identity/client-id, label azure.workload.identity/use on its pods, a federated credential for it)",
  );
}

function failExchange(host: string, error: unknown): never {
  const refused = error instanceof RefusedExchange;
  throw new CredentialError(
    `Azure ${host}`,
    `${host} gives no token: ${refused ? error.message : messageOf(error)}`,
    isUnreachable(error)
      ? `let tagpin reach ${host}, and check its name`
      : "give tagpin's Azure identity the role AcrPull on the registry",
  );
}

/** Thrown when a registry doesn't exchange a token. The message completes a sentence and holds no secrets. */
export class RefusedExchange extends Error {
  override readonly name = 'RefusedExchange';
}

const PATH = '/oauth2/exchange';
const SILENCE_TIMEOUT_MS = 5_000;
/** A refresh token is 1 to 2 KiB. */
const BODY_LIMIT = 64 * 1024;

const responseSchema = z.object({
  // The characters of a JSON web token: the token is sent in a header later.
  refresh_token: z.string().regex(/^[\w.~+/=-]+$/),
});
const claimsSchema = z.object({ iat: z.number(), exp: z.number() });
const errorSchema = z.object({
  errors: z.array(z.object({ code: z.string().regex(/^[A-Z_]{1,64}$/) })).min(1),
});

/**
 * Exchanges a token of Microsoft Entra for a refresh token of a registry (Azure/acr docs/AAD-OAuth.md, "Calling POST
 * /oauth2/exchange"). The token goes to the registry's own host and nowhere else: redirects aren't followed. The
 * request leaves out the tenant, because the token names it.
 *
 * @param dispatcher the connections for a URL
 * @returns the refresh token, and its lifetime in milliseconds, NaN if unknown
 * @throws RefusedExchange, or an error of undici
 */
export async function exchange(
  host: string,
  entraToken: string,
  dispatcher: (url: URL) => Dispatcher,
  signal: AbortSignal,
): Promise<{ refreshToken: string; lifetime: number }> {
  const url = URL.parse(`https://${host}${PATH}`);
  if (url?.host !== host || url.pathname !== PATH) throw new RefusedExchange('its name is no valid host');
  const response = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({
      grant_type: 'access_token',
      service: host,
      access_token: entraToken,
    }).toString(),
    dispatcher: dispatcher(url),
    headersTimeout: SILENCE_TIMEOUT_MS,
    bodyTimeout: SILENCE_TIMEOUT_MS,
    signal,
  });
  const body = parseJson(await readBounded(response.body));
  if (response.statusCode !== 200) {
    const { data } = errorSchema.safeParse(body);
    const code = data?.errors[0]?.code;
    throw new RefusedExchange(`it answers ${response.statusCode}${code === undefined ? '' : ` ${code}`}`);
  }
  const { data } = responseSchema.safeParse(body);
  if (data === undefined) throw new RefusedExchange('its response has no token');
  return { refreshToken: data.refresh_token, lifetime: lifetimeOf(data.refresh_token) };
}

/** From the token's claims. Both are by the issuer's clock, so a wrong clock on this machine doesn't matter. */
function lifetimeOf(refreshToken: string): number {
  const payload = Buffer.from(refreshToken.split('.')[1] ?? '', 'base64url').toString('utf8');
  const { data } = claimsSchema.safeParse(parseJson(payload));
  return data === undefined ? Number.NaN : (data.exp - data.iat) * 1_000;
}

async function readBounded(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > BODY_LIMIT) throw new RefusedExchange('its response is too large');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
