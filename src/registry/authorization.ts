import { LRUCache } from 'lru-cache';
import type { Credential } from '../credentials/credential.ts';
import { type Challenge, chooseChallenge, parseChallenges } from './challenge.ts';
import type { Endpoint, Endpoints } from './endpoint.ts';
import { RegistryError } from './error.ts';
import { meaningOf } from './failures.ts';
import type { Answer, Question, RegistryHttp } from './http.ts';
import { basicAuthorization, Tokens } from './token.ts';

const MAX_CHALLENGES = 10_000;
/** In characters, more or less; one alone may be as long as headers can be. */
const MAX_CHALLENGES_SIZE = 16 * 1024 * 1024;
const MAX_CHALLENGES_PER_REQUEST = 2;
const BEARER = 'Bearer ';
/** A registry that wants ever more scopes isn't given them. */
const MAX_SCOPES = 10;

/** One conversation with a registry: about one repository, as one user or none. */
export interface Session {
  endpoint: Endpoint;
  repository: string;
  credential: Credential | undefined;
  signal: AbortSignal;
  /** Called for each request sent, those for tokens included. */
  onRequest?: (() => void) | undefined;
}

/**
 * Requests with the authorization that the registry wants for them. What it wanted last time is remembered for each
 * repository, so that the next request carries it at once.
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
   * Answers each challenge once: the registry may want another scope after the first, which is then asked for beside
   * it, but one that says the same again means no (containerd core/remotes/docker/authorizer.go, go-containerregistry
   * pkg/v1/remote/transport/bearer.go).
   */
  async ask(session: Session, asked: Pick<Question, 'method' | 'url' | 'headers'>): Promise<Answer> {
    const { endpoint, repository, signal, onRequest } = session;
    const key = `${endpoint.base.href} ${endpoint.namespace ?? ''} ${repository}`;
    let current = this.#challenges.get(key);
    let authorization = current && (await this.#authorizeAgain(key, current, session));
    for (let answered = 0; ; answered++) {
      const answer = await this.#http.ask({ ...asked, via: endpoint, authorization, onRequest }, signal);
      const challenge = answer.status === 401 ? challengeOf(answer) : undefined;
      if (challenge === undefined || answered === MAX_CHALLENGES_PER_REQUEST) return answer;
      if (answer.url.origin !== asked.url.origin) return this.#askStranger(session, asked, answer, challenge);
      if (answered > 0 && current && !wantsMore(challenge, current)) return answer;
      current = current ? together(challenge, current) : challenge;
      authorization = await this.#authorize(current, session, authorization);
      if (authorization === undefined) return answer;
      this.#challenges.set(key, current);
    }
  }

  /** As the registry wanted last time; where that leads nowhere any more, undefined, and it is asked anew. */
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
   * Another host, after a redirect, that has a token server of its own: it is asked once more with a token that
   * anybody gets there. The registry's tokens and credentials are none of its business (go-containerregistry
   * pkg/v1/remote/transport/bearer_test.go, `TestBearerTokenExchangedOnCrossHostChallenge`).
   */
  async #askStranger(
    { endpoint, signal, onRequest }: Session,
    asked: Pick<Question, 'method' | 'headers'>,
    answer: Answer,
    challenge: Challenge,
  ): Promise<Answer> {
    if (challenge.scheme !== 'bearer') return answer;
    const stranger = this.#endpoints.redirectTarget(answer.url, endpoint);
    const grant = { endpoint: stranger, repository: undefined, credential: undefined, onRequest };
    const authorization = `${BEARER}${await this.#tokens.token(challenge, grant, signal)}`;
    return this.#http.ask({ ...asked, url: answer.url, via: stranger, authorization, onRequest }, signal);
  }

  /** What goes into the Authorization header, other than what was refused; undefined when there is nothing to show. */
  async #authorize(challenge: Challenge, session: Session, refused?: string): Promise<string | undefined> {
    const { credential, signal } = session;
    if (challenge.scheme === 'basic') return credential && basicAuthorization(credential);
    return `${BEARER}${await this.#tokens.token(challenge, session, signal, refused?.slice(BEARER.length))}`;
  }
}

function challengeOf(answer: Answer): Challenge | undefined {
  const header = answer.headers['www-authenticate'];
  if (header === undefined) return undefined;
  const challenges = parseChallenges(header);
  // A Bearer without a realm can't be answered, but that is told of it, and not that the credentials were refused.
  return chooseChallenge(challenges) ?? challenges.find(({ scheme }) => scheme === 'bearer');
}

const scopesOf = ({ params }: Challenge) =>
  (params['scope'] ?? '').split(' ').filter((scope) => scope !== '');

/** Where a token for it comes from. */
const sourceOf = ({ scheme, params: { realm, service } }: Challenge) =>
  JSON.stringify([scheme, realm, service]);

/** Whether the challenge wants what the one before it didn't; its `error` only says how the last try went. */
function wantsMore(challenge: Challenge, before: Challenge): boolean {
  if (sourceOf(challenge) !== sourceOf(before)) return true;
  const known = new Set(scopesOf(before));
  return scopesOf(challenge).some((scope) => !known.has(scope));
}

/** The challenge with the scopes of the one before it, its own first. */
function together(challenge: Challenge, before: Challenge): Challenge {
  if (sourceOf(challenge) !== sourceOf(before)) return challenge;
  const scopes = [...new Set([...scopesOf(challenge), ...scopesOf(before)])].slice(0, MAX_SCOPES);
  return { ...challenge, params: { ...challenge.params, scope: scopes.join(' ') } };
}
