import { LRUCache } from 'lru-cache';
import type { Credential } from '../credentials/credential.ts';
import { type Challenge, chooseChallenge, parseChallenges } from './challenge.ts';
import type { Endpoint, Endpoints } from './endpoint.ts';
import { RegistryError } from './error.ts';
import { meaningOf } from './failures.ts';
import type { HttpRequest, HttpResponse, RegistryHttp } from './http.ts';
import { type Actions, basicAuthorization, Tokens } from './token.ts';

const MAX_CHALLENGES = 10_000;
/** In characters. One challenge can be as long as a header may be. */
const MAX_CHALLENGES_SIZE = 16 * 1024 * 1024;
const MAX_CHALLENGES_PER_REQUEST = 2;
const BEARER = 'Bearer ';
/** Further scopes that a registry asks for are ignored. */
const MAX_SCOPES = 10;

/** Requests to one registry about one repository, with one credential or none. */
export interface Session {
  endpoint: Endpoint;
  repository: string;
  /** What the requests do there; `pull` by default. */
  actions?: Actions | undefined;
  credential: Credential | undefined;
  signal: AbortSignal;
  /** Called for each request sent, including those for tokens. */
  onRequest?: (() => void) | undefined;
}

/**
 * Requests with the authorization that a registry's challenge asks for. The challenge is remembered for each repository,
 * so that the next request is authorized at once.
 */
export class AuthorizedHttp {
  readonly #endpoints: Endpoints;
  readonly #http: RegistryHttp;
  readonly #tokens: Tokens;
  readonly #challenges = new LRUCache<string, Challenge>({
    max: MAX_CHALLENGES,
    maxSize: MAX_CHALLENGES_SIZE,
    sizeCalculation: (challenge, key) => JSON.stringify(challenge).length + key.length,
  });

  constructor(endpoints: Endpoints, http: RegistryHttp) {
    this.#endpoints = endpoints;
    this.#http = http;
    this.#tokens = new Tokens(http);
  }

  /**
   * Sends a request and answers each challenge once. A second challenge may ask for another scope, which is then added to
   * the first; the same challenge again is a refusal (containerd core/remotes/docker/authorizer.go, go-containerregistry
   * pkg/v1/remote/transport/bearer.go).
   */
  async send(
    session: Session,
    request: Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'>,
  ): Promise<HttpResponse> {
    const { endpoint, repository, actions, signal, onRequest } = session;
    const key = `${endpoint.base.href} ${endpoint.namespace ?? ''} ${repository} ${actions ?? ''}`;
    let current = this.#challenges.get(key);
    let authorization = current && (await this.#authorizeAgain(key, current, session));
    for (let answered = 0; ; answered++) {
      const response = await this.#http.send({ ...request, via: endpoint, authorization, onRequest }, signal);
      const challenge = response.status === 401 ? challengeOf(response) : undefined;
      if (challenge === undefined || answered === MAX_CHALLENGES_PER_REQUEST) return response;
      if (response.url.origin !== request.url.origin) {
        return this.#sendToRedirectTarget(session, request, response, challenge);
      }
      if (answered > 0 && current && !asksForMore(challenge, current)) return response;
      current = current ? withEarlierScopes(challenge, current) : challenge;
      authorization = await this.#authorize(current, session, authorization);
      if (authorization === undefined) return response;
      this.#challenges.set(key, current);
    }
  }

  /** The authorization for the remembered challenge; undefined if that fails, so that the registry sends a new one. */
  async #authorizeAgain(key: string, remembered: Challenge, session: Session): Promise<string | undefined> {
    try {
      return await this.#authorize(remembered, session);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      this.#challenges.delete(key);
      if (meaningOf(error.failure).refusesToken) throw error;
      return undefined;
    }
  }

  /**
   * Sends the request again to a redirect's target that has a token server of its own, with an anonymous token from there.
   * The target gets neither the registry's tokens nor its credentials (go-containerregistry
   * pkg/v1/remote/transport/bearer_test.go, `TestBearerTokenExchangedOnCrossHostChallenge`).
   */
  async #sendToRedirectTarget(
    { endpoint, signal, onRequest }: Session,
    request: Pick<HttpRequest, 'method' | 'headers'>,
    response: HttpResponse,
    challenge: Challenge,
  ): Promise<HttpResponse> {
    if (challenge.scheme !== 'bearer') return response;
    const target = this.#endpoints.redirectTarget(response.url, endpoint);
    const anonymous = { endpoint: target, repository: undefined, credential: undefined, onRequest };
    const authorization = `${BEARER}${await this.#tokens.token(challenge, anonymous, signal)}`;
    return this.#http.send({ ...request, url: response.url, via: target, authorization, onRequest }, signal);
  }

  /** The Authorization header, with another token than the refused one; undefined without a credential for it. */
  async #authorize(challenge: Challenge, session: Session, refused?: string): Promise<string | undefined> {
    const { credential, signal } = session;
    if (challenge.scheme === 'basic') return credential && basicAuthorization(credential);
    return `${BEARER}${await this.#tokens.token(challenge, session, signal, refused?.slice(BEARER.length))}`;
  }
}

function challengeOf(response: HttpResponse): Challenge | undefined {
  const header = response.headers['www-authenticate'];
  if (header === undefined) return undefined;
  const challenges = parseChallenges(header);
  // A Bearer challenge without a realm can't be answered; the error says so, instead of blaming the credentials.
  return chooseChallenge(challenges) ?? challenges.find(({ scheme }) => scheme === 'bearer');
}

const scopesOf = ({ params }: Challenge) =>
  (params['scope'] ?? '').split(' ').filter((scope) => scope !== '');

/** The token server and service of a challenge. */
const tokenSourceOf = ({ scheme, params: { realm, service } }: Challenge) =>
  JSON.stringify([scheme, realm, service]);

/** Whether a challenge asks for more than the one before it. Its parameter `error` doesn't count. */
function asksForMore(challenge: Challenge, before: Challenge): boolean {
  if (tokenSourceOf(challenge) !== tokenSourceOf(before)) return true;
  const known = new Set(scopesOf(before));
  return scopesOf(challenge).some((scope) => !known.has(scope));
}

/** The challenge with the scopes of the one before it, its own first. */
function withEarlierScopes(challenge: Challenge, before: Challenge): Challenge {
  if (tokenSourceOf(challenge) !== tokenSourceOf(before)) return challenge;
  const scopes = [...new Set([...scopesOf(challenge), ...scopesOf(before)])].slice(0, MAX_SCOPES);
  return { ...challenge, params: { ...challenge.params, scope: scopes.join(' ') } };
}
