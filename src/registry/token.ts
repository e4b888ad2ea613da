import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { type Credential, fingerprint } from '../credentials/credential.ts';
import { Singleflight } from '../singleflight.ts';
import type { Challenge } from './challenge.ts';
import type { Endpoint } from './endpoint.ts';
import { RegistryError } from './error.ts';
import type { Answer, Question, RegistryHttp } from './http.ts';
import { isBearerToken, readToken, type Token } from './token-response.ts';

/** Who asks for what: the terms that a token is good for. */
export interface Grant {
  endpoint: Endpoint;
  /** The repository's path, without the registry's host; undefined where only the challenge knows its name. */
  repository: string | undefined;
  credential: Credential | undefined;
  onRequest?: (() => void) | undefined;
}

/** A token is given up so long before it expires, so that it doesn't on its way. */
const MARGIN_S = 10;
const REQUEST_TIMEOUT_MS = 15_000;
const MAX_TOKENS = 10_000;
/** In characters, keys included: whoever names an image chooses who gives its tokens, and how long they are. */
const MAX_TOKENS_SIZE = 32 * 1024 * 1024;
const RETRY_DELAY_MS = 100;
const CLIENT_ID = 'tagpin';

/** Asks token servers, and keeps what they grant for as long as it is good. */
export class Tokens {
  readonly #http: RegistryHttp;
  readonly #flights = new Singleflight<string>(REQUEST_TIMEOUT_MS);
  readonly #tokens = new LRUCache<string, string>({
    max: MAX_TOKENS,
    maxSize: MAX_TOKENS_SIZE,
    sizeCalculation: (token, key) => token.length + key.length,
  });

  constructor(http: RegistryHttp) {
    this.#http = http;
  }

  /**
   * A token for pulling from the repository, other than the one that the registry has just refused: by the time that
   * is known, somebody else may have got a new one.
   *
   * @throws RegistryError
   */
  async token(challenge: Challenge, grant: Grant, signal: AbortSignal, refused?: string): Promise<string> {
    const registryToken = grant.credential?.registryToken;
    if (registryToken) return checked(registryToken);
    const realm = this.#http.realm(challenge.params['realm'] ?? '', grant.endpoint);
    const url = tokenUrl(realm, challenge, grant.repository);
    const key = [grant.endpoint.host, url.href, fingerprint(grant.credential ? [grant.credential] : [])].join(
      ' ',
    );
    const known = this.#tokens.get(key);
    if (known !== undefined && known !== refused) return known;
    this.#tokens.delete(key);
    return this.#flights.join(key, signal, async (flightSignal) => {
      const { token, lifetime } = await this.#request(url, realm, grant, flightSignal);
      this.#tokens.set(key, token, { ttl: (lifetime - MARGIN_S) * 1000 });
      return token;
    });
  }

  /**
   * An identity token is exchanged by POST. Token servers that know no POST, or don't take the token, say so by
   * different statuses, and may take the password (containerd core/remotes/docker/auth/fetch.go).
   */
  async #request(
    url: URL,
    realm: URL,
    { credential, endpoint: via, onRequest }: Grant,
    signal: AbortSignal,
  ): Promise<Token> {
    if (credential?.identityToken) {
      const answer = await this.#ask(
        { ...exchange(url, realm, credential.identityToken), via, onRequest },
        signal,
      );
      const givesWay = [400, 401, 404, 405].includes(answer.status) && credential.password !== '';
      if (!givesWay) return readToken(answer, Date.now(), secretsIn(answer, credential));
    }
    const authorization = credential && basicAuthorization(credential);
    const headers = { accept: 'application/json' };
    const answer = await this.#ask({ method: 'GET', url, via, headers, authorization, onRequest }, signal);
    return readToken(answer, Date.now(), secretsIn(answer, credential));
  }

  /** Token servers are restarted too: their own trouble deserves a second request, and no more. */
  async #ask(question: Question, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#http.ask(question, signal);
    if (![500, 502, 503, 504].includes(answer.status)) return answer;
    await delay(RETRY_DELAY_MS);
    return signal.aborted ? answer : this.#http.ask(question, signal);
  }
}

const secretsIn = (answer: Answer, credential: Credential | undefined) => [
  ...answer.secrets,
  ...(credential?.secrets ?? []),
];

/**
 * The exchange of an identity token (distribution docs/content/spec/auth/oauth.md): what GET would have in its query
 * goes into the body, with all scopes in one field.
 */
function exchange(url: URL, realm: URL, identityToken: string): Omit<Question, 'via'> {
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
 * The URL to ask for a token: the realm, with its own query kept, `service` if there is one, the challenge's scopes
 * and that of pulling from the repository.
 */
export function tokenUrl(realm: URL, challenge: Challenge, repository: string | undefined): URL {
  const url = new URL(realm);
  const { service, scope = '' } = challenge.params;
  if (service) url.searchParams.append('service', service);
  const scopes = new Set([
    ...scope.split(' ').filter((text) => text !== ''),
    ...(repository === undefined ? [] : [`repository:${repository}:pull`]),
  ]);
  for (const text of scopes) url.searchParams.append('scope', text);
  return url;
}

/** `Authorization: Basic` of a credential; undefined for an empty one, which the kubelet uses anonymously. */
export function basicAuthorization({ username, password }: Credential): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
