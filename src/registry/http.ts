import { setImmediate } from 'node:timers/promises';
import { request } from 'undici';
import { untilAborted } from '../singleflight.ts';
import { codeOf } from '../system-error.ts';
import { checkRealm, checkRedirect } from './address.ts';
import { BodyReader } from './body.ts';
import { ForbiddenAddress, forbidden } from './connections.ts';
import type { Endpoint, Endpoints } from './endpoint.ts';
import { RegistryError } from './error.ts';

const MAX_REDIRECTS = 5;

export interface Question {
  method: 'GET' | 'HEAD' | 'POST';
  url: URL;
  /** On whose word it is asked: the registry itself, or one that named this as its token server. */
  via: Endpoint;
  headers: Record<string, string>;
  authorization?: string | undefined;
  body?: string;
  /** Called for each time it is sent: redirects and retries count. */
  onRequest?: (() => void) | undefined;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** Where the answer came from, after redirects. */
  url: URL;
  /** What was sent there and must not come back in a message. */
  secrets: readonly string[];
}

/** Told of each request when it has been answered or has failed: for metrics. */
export type Observer = (event: {
  host: string;
  method: string;
  status: number;
  milliseconds: number;
  /** Of the answer; empty without one. */
  headers: Answer['headers'];
}) => void;

/** HTTP as tagpin speaks it to registries: bounded in size, time and hops, one repetition after a cut connection. */
export class RegistryHttp {
  readonly #endpoints: Endpoints;
  readonly #observe: Observer;
  readonly #bodies = new BodyReader();

  constructor(endpoints: Endpoints, observe: Observer = () => undefined) {
    this.#endpoints = endpoints;
    this.#observe = observe;
  }

  /**
   * Asks, and follows redirects as far as they may be followed. Any status is an answer.
   *
   * @throws RegistryError when there is none
   */
  async ask(question: Question, signal: AbortSignal): Promise<Answer> {
    let { url, authorization } = question;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const answer = await this.#askTwice({ ...question, url, authorization }, signal);
      const location = answer.headers['location'];
      if (!isRedirect(answer.status) || typeof location !== 'string') return answer;
      if (!URL.canParse(location, url)) {
        throw new RegistryError('redirect', 'the registry redirects to something that is no URL', { url });
      }
      const next = new URL(location, url);
      if (question.body !== undefined && (next.origin !== url.origin || !keepsBody(answer.status))) {
        throw new RegistryError('redirect', "the token server redirects what isn't for others", { url });
      }
      if (!checkRedirect(url, next, this.#isConfigured).forwardAuthorization) authorization = undefined;
      url = next;
    }
    throw new RegistryError('redirect', `the registry redirects more than ${MAX_REDIRECTS} times`, { url });
  }

  /**
   * Where tokens for an endpoint may be asked for.
   *
   * @throws RegistryError as {@link checkRealm} does
   */
  realm(realm: string, endpoint: Endpoint): URL {
    return checkRealm(realm, endpoint, this.#isConfigured);
  }

  readonly #isConfigured = (url: URL) => this.#endpoints.isConfigured(url);

  /** A kept-alive connection may be closed by the other side just as it is used again: that deserves a new one. */
  async #askTwice(question: Question, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#askOnce(question, signal);
    } catch (error) {
      if (!isCut(error) || signal.aborted) throw failed(question.url, error, signal);
    }
    try {
      return await this.#askOnce(question, signal);
    } catch (error) {
      throw failed(question.url, error, signal);
    }
  }

  async #askOnce(
    { method, url, via, headers, authorization, body, onRequest }: Question,
    signal: AbortSignal,
  ): Promise<Answer> {
    const started = performance.now();
    let status = 0;
    let answered: Answer['headers'] = {};
    const own = url.origin === via.base.origin ? via.headers : {};
    try {
      // undici hears of the signal only once there is a connection, and a proxy may be long about that.
      const response = await untilAborted(
        request(url, {
          method,
          signal,
          dispatcher: this.#endpoints.dispatcher(url, via),
          headers: {
            'user-agent': 'tagpin',
            'accept-encoding': 'identity',
            ...own,
            ...headers,
            ...(authorization === undefined ? {} : { authorization }),
          },
          ...(body === undefined ? {} : { body }),
          // Without this, undici closes the connection after each HEAD, and all that is asked here is HEAD.
          reset: false,
        }),
        signal,
      );
      status = response.statusCode;
      answered = response.headers;
      const read = await this.#bodies.read(response.body, response.headers['content-encoding'], url);
      // undici frees the connection a moment later: a request that followed at once would open another.
      await setImmediate();
      return {
        status,
        headers: response.headers,
        body: read,
        url,
        secrets: [
          ...Object.values(own).filter(isLong),
          ...(authorization === undefined ? [] : [bare(authorization)]),
        ],
      };
    } finally {
      const milliseconds = performance.now() - started;
      onRequest?.();
      this.#observe({ host: url.host, method, status, milliseconds, headers: answered });
    }
  }
}

/** Headers of the configuration may be keys, and may be `1`: that is in any text. */
const isLong = (value: string) => value.length >= 8;

/** The token or the user and password of an Authorization header. */
const bare = (authorization: string) => authorization.replace(/^\w+ /, '');

/** The others turn POST into GET. */
const keepsBody = (status: number) => status === 307 || status === 308;

const isRedirect = (status: number) => [301, 302, 303, 307, 308].includes(status);

/**
 * The connection broke, which may be no fault of this request: where a server gives a HEAD a body, against all rules,
 * the bytes stand before the next answer, and can't be read as one.
 */
const isCut = (error: unknown) =>
  ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error) ?? '') ||
  (error instanceof Error && error.name === 'HTTPParserError');

const causes: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  EHOSTUNREACH: "the host can't be reached",
  ENETUNREACH: "the network can't be reached",
  ENOTFOUND: "the host name can't be resolved",
  EAI_AGAIN: "the host name can't be resolved at the moment",
  EPROTO: "the host doesn't speak TLS there",
  ERR_SSL_WRONG_VERSION_NUMBER: "the host doesn't speak TLS there",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "the host doesn't speak TLS there",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the host wants a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the host doesn't trust the client certificate",
  UND_ERR_ABORTED: 'the proxy refuses the connection',
  UND_ERR_PRX_CONN: 'the proxy cut the connection',
  UND_ERR_PRX_TLS: "the proxy's certificate isn't trusted",
  UND_ERR_HEADERS_OVERFLOW: "the answer's headers are too large",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer is shorter or longer than it says',
};

const certificateFaults: Record<string, string> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: "isn't valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
};

const timeouts = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/** The error that stands for a request without an answer. */
function failed(url: URL, cause: unknown, signal: AbortSignal): RegistryError {
  if (cause instanceof RegistryError) return cause;
  if (cause instanceof ForbiddenAddress) return forbidden(url, cause.guard, cause);
  const code = codeOf(cause) ?? '';
  if (signal.aborted || timeouts.has(code))
    return new RegistryError('timeout', 'no answer in time', { url, cause });
  if (/^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT)/.test(code)) {
    const why = certificateFaults[code] ?? "is signed by a CA that isn't known";
    return new RegistryError('untrusted', `its certificate ${why}: ${code}`, { url, cause });
  }
  return new RegistryError('network', causes[code] ?? `the request failed${code && ` (${code})`}`, {
    url,
    cause,
  });
}
