import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { type Credential, fingerprint } from '../credentials/credential.ts';
import { Singleflight } from '../singleflight.ts';
import type { Challenge } from './challenge.ts';
import type { Endpoint } from './endpoint.ts';
import { RegistryError } from './error.ts';
import type { HttpRequest, HttpResponse, RegistryHttp } from './http.ts';
import { isBearerToken, readToken, type Token } from './token-response.ts';

/** The actions of a scope (distribution docs/content/spec/auth/scope.md). */
export type Actions = 'pull' | 'pull,push';

/** What a token is requested for. */
export interface TokenRequest {
  endpoint: Endpoint;
  /** The repository's path, without the registry's host; undefined if only the challenge names it. */
  repository: string | undefined;
  /** What is done there: `pull` by default, or `pull,push`. */
  actions?: Actions | undefined;
  credential: Credential | undefined;
  onRequest?: (() => void) | undefined;
}

/** A token is dropped this long before it expires, because it could expire in transit. */
const MARGIN_S = 10;
const REQUEST_TIMEOUT_MS = 15_000;
const MAX_TOKENS = 10_000;
/** In characters, keys included. An image's registry chooses the token server, and so the length of tokens. */
const MAX_TOKENS_SIZE = 32 * 1024 * 1024;
const RETRY_DELAY_MS = 100;
const CLIENT_ID = 'tagpin';

/** Requests tokens from token servers, and caches them until they expire. */
export class Tokens {
  readonly #http: RegistryHttp;
  readonly #requests = new Singleflight<string>(REQUEST_TIMEOUT_MS);
  readonly #tokens = new LRUCache<string, string>({
    max: MAX_TOKENS,
    maxSize: MAX_TOKENS_SIZE,
    sizeCalculation: (token, key) => token.length + key.length,
  });

  constructor(http: RegistryHttp) {
    this.#http = http;
  }

  /**
   * A token for the repository, other than the one that the registry has just refused. Another caller may
   * have obtained a new one by then.
   *
   * @throws RegistryError
   */
  async token(
    challenge: Challenge,
    request: TokenRequest,
    signal: AbortSignal,
    refused?: string,
  ): Promise<string> {
    const registryToken = request.credential?.registryToken;
    if (registryToken) return checked(registryToken);
    const realm = this.#http.realm(challenge.params['realm'] ?? '', request.endpoint);
    const url = tokenUrl(realm, challenge, request.repository, request.actions);
    const key = [
      request.endpoint.host,
      url.href,
      fingerprint(request.credential ? [request.credential] : []),
    ].join(' ');
    const known = this.#tokens.get(key);
    if (known !== undefined && known !== refused) return known;
    this.#tokens.delete(key);
    return this.#requests.join(key, signal, async (sharedSignal) => {
      const { token, lifetime } = await this.#request(url, realm, request, sharedSignal);
      this.#tokens.set(key, token, { ttl: (lifetime - MARGIN_S) * 1000 });
      return token;
    });
  }

  /**
   * An identity token is exchanged by POST. Token servers that don't support POST, or reject the token, answer with various
   * statuses, and may accept the password (containerd core/remotes/docker/auth/fetch.go).
   */
  async #request(
    url: URL,
    realm: URL,
    { credential, endpoint: via, onRequest }: TokenRequest,
    signal: AbortSignal,
  ): Promise<Token> {
    if (credential?.identityToken) {
      const response = await this.#send(
        { ...exchange(url, realm, credential.identityToken), via, onRequest },
        signal,
      );
      const triesPassword = [400, 401, 404, 405].includes(response.status) && credential.password !== '';
      if (!triesPassword) return readToken(response, Date.now(), secretsIn(response, credential));
    }
    const authorization = credential && basicAuthorization(credential);
    const headers = { accept: 'application/json' };
    const response = await this.#send({ method: 'GET', url, via, headers, authorization, onRequest }, signal);
    return readToken(response, Date.now(), secretsIn(response, credential));
  }

  /** Sends a request again, once, if the token server reports an error of its own. */
  async #send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const response = await this.#http.send(request, signal);
    if (![500, 502, 503, 504].includes(response.status)) return response;
    await delay(RETRY_DELAY_MS);
    return signal.aborted ? response : this.#http.send(request, signal);
  }
}

const secretsIn = (response: HttpResponse, credential: Credential | undefined) => [
  ...response.secrets,
  ...(credential?.secrets ?? []),
];

/**
 * The request that exchanges an identity token (distribution docs/content/spec/auth/oauth.md): the query parameters of GET
 * are in the body, with all scopes in one field.
 */
function exchange(url: URL, realm: URL, identityToken: string): Omit<HttpRequest, 'via'> {
  const service = url.searchParams.getAll('service').at(-1);
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    ...(service !== undefined && { service }),
    scope: url.searchParams.getAll('scope').join(' '),
    client_id: CLIENT_ID,
    refresh_token: identityToken,
  });
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', url: realm, headers, body: body.toString() };
}

function checked(registryToken: string): string {
  if (isBearerToken(registryToken)) return registryToken;
  throw new RegistryError('invalid_token', "the credential's token can't be sent in a header");
}

/**
 * The URL to request a token from: the realm with its own query, `service` if there is one, the challenge's scopes, and the
 * scope for what is done in the repository.
 */
export function tokenUrl(
  realm: URL,
  challenge: Challenge,
  repository: string | undefined,
  actions: Actions = 'pull',
): URL {
  const url = new URL(realm);
  const { service, scope = '' } = challenge.params;
  if (service) url.searchParams.append('service', service);
  const scopes = new Set([
    ...scope.split(' ').filter((text) => text !== ''),
    ...(repository === undefined ? [] : [`repository:${repository}:${actions}`]),
  ]);
  for (const text of scopes) url.searchParams.append('scope', text);
  return url;
}

/** `Authorization: Basic` for a credential; undefined for an empty one, with which the kubelet pulls anonymously. */
export function basicAuthorization({ username, password }: Credential): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
