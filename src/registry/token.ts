import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { type Credential, fingerprint } from '../credentials/credential.ts';
import { Flights } from '../flight.ts';
import { parseJson } from '../json.ts';
import { checkRealm } from './address.ts';
import type { Challenge } from './challenge.ts';
import type { Endpoint } from './endpoint.ts';
import { errorFromAnswer, RegistryError } from './error.ts';
import type { RegistryHttp } from './http.ts';

/** What a token server grants: docker token specification, distribution docs/content/spec/auth/token.md. */
export interface Token {
  token: string;
  /** Seconds; never fewer than 60. */
  lifetime: number;
}

/** Who asks for what: the terms that a token is good for. */
export interface Grant {
  endpoint: Endpoint;
  /** The repository's path, without the registry's host. */
  repository: string;
  credential: Credential | undefined;
}

const MINIMUM_LIFETIME_S = 60;
/** A token is given up so long before it expires, so that it doesn't on its way. */
const MARGIN_S = 10;
const REQUEST_TIMEOUT_MS = 15_000;
const MAX_TOKENS = 10_000;

/** Asks token servers, and keeps what they grant for as long as it is good. */
export class Tokens {
  readonly #http: RegistryHttp;
  readonly #flights = new Flights<string>(REQUEST_TIMEOUT_MS);
  readonly #tokens = new LRUCache<string, string>({ max: MAX_TOKENS });

  constructor(http: RegistryHttp) {
    this.#http = http;
  }

  /**
   * A token for pulling from the repository. With `refresh`, one that has been granted before isn't good enough:
   * the registry has just refused it.
   *
   * @throws RegistryError
   */
  async token(challenge: Challenge, grant: Grant, signal: AbortSignal, refresh = false): Promise<string> {
    if (grant.credential?.registryToken !== undefined) return grant.credential.registryToken;
    const realm = checkRealm(challenge.params['realm'] ?? '', grant.endpoint);
    const url = tokenUrl(realm, challenge, grant.repository);
    const key = [grant.endpoint.host, url.href, fingerprint(grant.credential ? [grant.credential] : [])].join(
      ' ',
    );
    if (refresh) this.#tokens.delete(key);
    const known = this.#tokens.get(key);
    if (known !== undefined) return known;
    return this.#flights.join(key, signal, async (flightSignal) => {
      const { token, lifetime } = await this.#request(url, grant.credential, flightSignal);
      this.#tokens.set(key, token, { ttl: (lifetime - MARGIN_S) * 1000 });
      return token;
    });
  }

  async #request(url: URL, credential: Credential | undefined, signal: AbortSignal): Promise<Token> {
    const { status, body } = await this.#http.ask(
      {
        method: 'GET',
        url,
        headers: { accept: 'application/json' },
        authorization: credential && basicAuthorization(credential),
      },
      signal,
    );
    return readToken(url, status, body.toString('utf8'), credential?.secrets);
  }
}

/**
 * The URL to ask for a token: the realm, with its own query kept, `service` if there is one, the challenge's scopes
 * and that of pulling from the repository.
 */
export function tokenUrl(realm: URL, challenge: Challenge, repository: string): URL {
  const url = new URL(realm);
  const { service, scope = '' } = challenge.params;
  if (service) url.searchParams.append('service', service);
  const scopes = new Set([
    ...scope.split(' ').filter((text) => text !== ''),
    `repository:${repository}:pull`,
  ]);
  for (const text of scopes) url.searchParams.append('scope', text);
  return url;
}

/** `Authorization: Basic` of a credential; undefined for an empty one, which the kubelet uses anonymously. */
export function basicAuthorization({ username, password }: Credential): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

const answerShape = z.object({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  expires_in: z.number().nullish(),
});

/** What can stand in an Authorization header (RFC 6750, `b64token`). */
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * The token in a token server's answer; an error of it shows none of `secrets`.
 *
 * @throws RegistryError by status, or `bad_body`, `no_token`, `invalid_token`
 */
export function readToken(url: URL, status: number, body: string, secrets: readonly string[] = []): Token {
  if (status !== 200) throw errorFromAnswer(url, { status, body, secrets });
  const answer = answerShape.safeParse(parseJson(body));
  if (!answer.success)
    throw new RegistryError('bad_body', "the token server's answer is no token", { url, status });
  const token = answer.data.access_token || answer.data.token;
  if (!token)
    throw new RegistryError('no_token', "the token server's answer holds no token", { url, status });
  if (!BEARER_TOKEN.test(token)) {
    throw new RegistryError('invalid_token', "the token server's token can't be sent in a header", {
      url,
      status,
    });
  }
  return { token, lifetime: Math.max(MINIMUM_LIFETIME_S, answer.data.expires_in ?? MINIMUM_LIFETIME_S) };
}
