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

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  url: URL;
  /** The registry that caused the request: the target itself, or the one that named it as its token server. */
  via: Endpoint;
  headers: Record<string, string>;
  authorization?: string | undefined;
  body?: string | Buffer | undefined;
  /** Called each time the request is sent, redirects and retries included. */
  onRequest?: (() => void) | undefined;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** The URL of the response, after redirects. */
  url: URL;
  /** Secrets of the request, which must not be shown in a message. */
  secrets: readonly string[];
}

/** Called after each request, whether it succeeded or failed. */
export type Observer = (event: {
  host: string;
  method: string;
  status: number;
  milliseconds: number;
  /** Of the response; empty without one. */
  headers: HttpResponse['headers'];
}) => void;

/** HTTP for registries: with limits for size, time and redirects, and one retry after a broken connection. */
export class RegistryHttp {
  readonly #endpoints: Endpoints;
  readonly #observe: Observer;
  readonly #bodyReader = new BodyReader();

  constructor(endpoints: Endpoints, observe: Observer = () => undefined) {
    this.#endpoints = endpoints;
    this.#observe = observe;
  }

  /**
   * Sends a request, and follows the redirects that are allowed. Returns a response of any status.
   *
   * @throws RegistryError without a response
   */
  async send(sent: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    let { url, authorization } = sent;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#sendWithRetry({ ...sent, url, authorization }, signal);
      const location = response.headers['location'];
      if (!isRedirect(response.status) || typeof location !== 'string') return response;
      if (!URL.canParse(location, url)) {
        throw new RegistryError('redirect', 'the registry redirects to an invalid URL', { url });
      }
      const next = new URL(location, url);
      if (sent.body !== undefined && (next.origin !== url.origin || !keepsBody(response.status))) {
        throw new RegistryError('redirect', 'the registry or its token server redirects what is sent to it', {
          url,
        });
      }
      if (!checkRedirect(url, next, this.#isConfigured).forwardAuthorization) authorization = undefined;
      url = next;
    }
    throw new RegistryError('redirect', `the registry redirects more than ${MAX_REDIRECTS} times`, { url });
  }

  /**
   * The URL from which tokens for an endpoint may be requested.
   *
   * @throws RegistryError as {@link checkRealm} does
   */
  realm(realm: string, endpoint: Endpoint): URL {
    return checkRealm(realm, endpoint, this.#isConfigured);
  }

  readonly #isConfigured = (url: URL) => this.#endpoints.isConfigured(url);

  /** The server may close a kept-alive connection just as it is reused, so the request is sent again on a new one. */
  async #sendWithRetry(sent: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    try {
      return await this.#sendOnce(sent, signal);
    } catch (error) {
      if (!isCut(error) || signal.aborted) throw failed(sent.url, error, signal);
    }
    try {
      return await this.#sendOnce(sent, signal);
    } catch (error) {
      throw failed(sent.url, error, signal);
    }
  }

  async #sendOnce(
    { method, url, via, headers, authorization, body, onRequest }: HttpRequest,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const started = performance.now();
    let status = 0;
    let responseHeaders: HttpResponse['headers'] = {};
    const configured = url.origin === via.base.origin ? via.headers : {};
    try {
      // undici heeds the signal only once it is connected, which can take long through a proxy.
      const response = await untilAborted(
        request(url, {
          method,
          signal,
          dispatcher: this.#endpoints.dispatcher(url, via),
          headers: {
            'user-agent': 'tagpin',
            'accept-encoding': 'identity',
            ...configured,
            ...headers,
            ...(authorization === undefined ? {} : { authorization }),
          },
          ...(body === undefined ? {} : { body }),
          // Without this, undici closes the connection after each HEAD.
          reset: false,
        }),
        signal,
      );
      status = response.statusCode;
      responseHeaders = response.headers;
      const bytes = await this.#bodyReader.read(response.body, response.headers['content-encoding'], url);
      // undici releases the connection a moment later; an immediate next request would open another.
      await setImmediate();
      return {
        status,
        headers: response.headers,
        body: bytes,
        url,
        secrets: [
          ...Object.values(configured).filter(isLong),
          ...(authorization === undefined ? [] : [credentialsIn(authorization)]),
        ],
      };
    } finally {
      const milliseconds = performance.now() - started;
      onRequest?.();
      this.#observe({ host: url.host, method, status, milliseconds, headers: responseHeaders });
    }
  }
}

/** Whether a configured header may be a secret: a value such as `1` would match in any text. */
const isLong = (value: string) => value.length >= 8;

/** An Authorization header without its scheme. */
const credentialsIn = (authorization: string) => authorization.replace(/^\w+ /, '');

/** Other redirects turn POST and PUT into GET. */
const keepsBody = (status: number) => status === 307 || status === 308;

const isRedirect = (status: number) => [301, 302, 303, 307, 308].includes(status);

/**
 * Whether the connection broke, for which another request may be the cause: if a server sends a body for a HEAD, its bytes
 * precede the next response and make it invalid.
 */
const isCut = (error: unknown) =>
  ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error) ?? '') ||
  (error instanceof Error && error.name === 'HTTPParserError');

const causes: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was interrupted',
  EPIPE: 'the connection was interrupted',
  UND_ERR_SOCKET: 'the connection was interrupted',
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
  UND_ERR_PRX_CONN: 'the proxy closed the connection',
  UND_ERR_PRX_TLS: "the proxy's certificate isn't trusted",
  UND_ERR_HEADERS_OVERFLOW: "the response's headers are too large",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the response has another length than it states',
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

/** The error for a request without a response. */
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
