import { LRUCache } from 'lru-cache';
import type { Credential } from '../credentials/credential.ts';
import { type Digest, isDigestOf } from '../image/digest.ts';
import { blobPath, manifestPath, type Reference } from '../image/reference.ts';
import { type Challenge, chooseChallenge, parseChallenges } from './challenge.ts';
import type { Endpoint, Endpoints } from './endpoint.ts';
import { errorFromAnswer, RegistryError } from './error.ts';
import { type Answer, type Observer, RegistryHttp } from './http.ts';
import { ACCEPT, type Descriptor, describeBody, describeHeaders, mediaTypeOf } from './manifest.ts';
import { basicAuthorization, Tokens } from './token.ts';

const MAX_CHALLENGES = 10_000;
const MAX_CHALLENGES_PER_REQUEST = 2;

/** What a registry holds under a digest, and what it says that is. */
export interface Content {
  mediaType: string;
  bytes: Buffer;
}

/** One conversation with a registry: about one repository, as one user or none. */
interface Session {
  endpoint: Endpoint;
  repository: string;
  credential: Credential | undefined;
  signal: AbortSignal;
}

/**
 * Asks registries which digest a tag has (OCI distribution specification).
 *
 * HEAD of the manifest comes first, without a `/v2/` ping before it: the challenge in its answer is the one that
 * counts, and it is remembered, so that the next request to the repository carries its authorization at once.
 */
export class RegistryClient {
  readonly #endpoints: Endpoints;
  readonly #http: RegistryHttp;
  readonly #tokens: Tokens;
  readonly #challenges = new LRUCache<string, Challenge>({ max: MAX_CHALLENGES });

  constructor(endpoints: Endpoints, observe?: Observer) {
    this.#endpoints = endpoints;
    this.#http = new RegistryHttp(endpoints, observe);
    this.#tokens = new Tokens(this.#http);
  }

  /**
   * The digest and media type of what the reference stands for now: of an index, never of one platform's manifest.
   *
   * @throws RegistryError
   */
  async resolve(
    reference: Reference,
    credential: Credential | undefined,
    signal: AbortSignal,
  ): Promise<Descriptor> {
    const endpoint = this.#endpoints.endpoint(reference.domain);
    const session = { endpoint, repository: reference.path, credential, signal };
    const url = new URL(manifestPath(reference), endpoint.base);
    const head = await this.#ask(session, 'HEAD', url);
    if (head.status === 200) {
      const descriptor = describeHeaders(head.url, mediaTypeOf(head.headers['content-type']), digestOf(head));
      if (descriptor !== undefined) return descriptor;
    } else if (!deservesGet(head.status)) {
      throw failure(head);
    }
    const get = await this.#ask(session, 'GET', url);
    if (get.status !== 200) throw failure(get);
    return describeBody(get.url, mediaTypeOf(get.headers['content-type']), get.body, digestOf(get));
  }

  /**
   * What a digest stands for in the reference's repository, a manifest or a blob; its bytes are checked against it.
   *
   * @throws RegistryError
   */
  async content(
    reference: Reference,
    { kind, digest }: { kind: 'manifest' | 'blob'; digest: Digest },
    credential: Credential | undefined,
    signal: AbortSignal,
  ): Promise<Content> {
    const endpoint = this.#endpoints.endpoint(reference.domain);
    const session = { endpoint, repository: reference.path, credential, signal };
    const path = kind === 'blob' ? blobPath(reference, digest) : manifestPath({ ...reference, digest });
    const get = await this.#ask(session, 'GET', new URL(path, endpoint.base));
    if (get.status !== 200) throw failure(get);
    if (!isDigestOf(digest, get.body)) {
      throw new RegistryError('digest_mismatch', `the ${kind} isn't the one that was asked for`, {
        url: get.url,
      });
    }
    return { mediaType: mediaTypeOf(get.headers['content-type']), bytes: get.body };
  }

  /**
   * Asks with the authorization that the repository wanted last time, and answers each challenge once: the registry
   * may want another scope after the first, but one that says the same again means no.
   */
  async #ask(session: Session, method: 'HEAD' | 'GET', url: URL): Promise<Answer> {
    const key = `${session.endpoint.host}/${session.repository}`;
    const headers = { accept: ACCEPT };
    const remembered = this.#challenges.get(key);
    const answered = new Set<string>();
    let authorization = remembered && (await this.#authorize(remembered, session));
    for (;;) {
      const answer = await this.#http.ask({ method, url, headers, authorization }, session.signal);
      const challenge = answer.status === 401 ? challengeOf(answer) : undefined;
      // What another host wants, after a redirect, it doesn't get: the credentials are for this one.
      if (challenge === undefined || answer.url.origin !== url.origin) return answer;
      if (answered.has(wanted(challenge)) || answered.size === MAX_CHALLENGES_PER_REQUEST) return answer;
      answered.add(wanted(challenge));
      authorization = await this.#authorize(challenge, session, authorization !== undefined);
      if (authorization === undefined) return answer;
      this.#challenges.set(key, challenge);
    }
  }

  /** What goes into the Authorization header; undefined when there is nothing to show. */
  async #authorize(challenge: Challenge, session: Session, refresh = false): Promise<string | undefined> {
    const { credential, signal } = session;
    if (challenge.scheme === 'basic') return credential && basicAuthorization(credential);
    return `Bearer ${await this.#tokens.token(challenge, session, signal, refresh)}`;
  }
}

/** What a challenge asks for; its `error` says how the last try went. */
function wanted({ scheme, params: { realm, service, scope } }: Challenge): string {
  return JSON.stringify([scheme, realm, service, scope]);
}

function challengeOf(answer: Answer): Challenge | undefined {
  const header = answer.headers['www-authenticate'];
  return header === undefined ? undefined : chooseChallenge(parseChallenges(header));
}

function digestOf(answer: Answer): string | undefined {
  const header = answer.headers['docker-content-digest'];
  return typeof header === 'string' ? header.trim() : undefined;
}

/**
 * HEAD isn't everywhere (400, 405, 501), Nexus answers 404 to it where GET finds the image, and to learn why access
 * is denied takes a body, which HEAD has none of.
 */
const deservesGet = (status: number) => [400, 403, 404, 405, 501].includes(status);

function failure(answer: Answer): RegistryError {
  const { status, body, url, headers } = answer;
  if (status < 400) {
    return new RegistryError('status', `the registry answers ${status} where it has a manifest or an error`, {
      status,
      url,
    });
  }
  const retryAfter = Number(headers['retry-after']);
  return errorFromAnswer(url, {
    status,
    body: body.toString('utf8'),
    ...(Number.isFinite(retryAfter) && headers['retry-after'] !== undefined ? { retryAfter } : {}),
  });
}
