import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { parseJson } from '../json.ts';
import type { RegistryFailure } from './failures.ts';

/** Why a request was never sent: too many wait, the circuit breaker is open, or the registry has set a rate limit. */
export interface Unsent {
  reason: 'busy' | 'broken' | 'rate_limited';
  /** In words that follow those of the failure; empty where they say it already. */
  note: string;
}

export interface RegistryErrorDetails {
  /** HTTP status; absent if there was no response. */
  status?: number;
  /** OCI error codes in the response, such as `MANIFEST_UNKNOWN`. */
  codes?: readonly string[];
  /** The URL of the request; kept redacted. */
  url?: URL;
  /** `Retry-After`, in seconds from now. */
  retryAfter?: number | undefined;
  unsent?: Unsent;
  /** Whether the registry refuses access without saying how to log in, so that no credential was sent. */
  isUnchallenged?: boolean;
  cause?: unknown;
}

/** Any failure of a registry. Its message can be shown as it is: one line without secrets. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly failure: RegistryFailure;
  readonly status: number | undefined;
  readonly codes: readonly string[];
  readonly url: string | undefined;
  readonly retryAfter: number | undefined;
  /** Set if nothing was sent, and the failure is that of an earlier request. */
  readonly unsent: Unsent | undefined;
  /** Whether the registry refuses access without saying how to log in, so that no credential was sent. */
  readonly isUnchallenged: boolean;

  constructor(failure: RegistryFailure, message: string, details: RegistryErrorDetails = {}) {
    super(singleLine(message, 300), { cause: details.cause });
    this.failure = failure;
    this.status = details.status;
    this.codes = details.codes ?? [];
    this.url = details.url && redactUrl(details.url);
    this.retryAfter = details.retryAfter;
    this.unsent = details.unsent;
    this.isUnchallenged = details.isUnchallenged ?? false;
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    if (this.failure === 'network' || this.failure === 'timeout') return true;
    return isRetryable({ status: this.status ?? 0, codes: this.codes });
  }

  /** This failure for a request that isn't sent because of it. */
  asUnsent(unsent: Unsent, retryAfter = this.retryAfter): RegistryError {
    return new RegistryError(this.failure, this.message, {
      codes: this.codes,
      isUnchallenged: this.isUnchallenged,
      cause: this,
      ...(this.status === undefined ? {} : { status: this.status }),
      ...(this.url === undefined ? {} : { url: new URL(this.url) }),
      retryAfter,
      unsent,
    });
  }
}

const retryableCodes = new Set(['BLOB_UPLOAD_INVALID', 'TOOMANYREQUESTS', 'UNAVAILABLE', 'UNKNOWN']);
const retryableStatuses = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Whether a response is of a temporary kind: all of its codes are, or it has none and its status is
 * (go-containerregistry pkg/v1/remote/transport/error.go, `Temporary`).
 */
export function isRetryable({ status, codes }: { status: number; codes: readonly string[] }): boolean {
  if (codes.length > 0) return codes.every((code) => retryableCodes.has(code));
  return retryableStatuses.has(status);
}

const errorBody = z.object({
  errors: z
    .array(z.object({ code: z.string().default(''), message: z.string().default('') }))
    .nullish()
    .transform((errors) => errors ?? []),
});

/** Registries send one or two, and more would make a message unreadable. */
const MAX_CODES = 5;
/** The form of the specification's codes, which are compared as they are. */
const CODE = /^[A-Z][A-Z_]{0,59}$/;

/** The content of an error response, without secrets: a few OCI codes at most, and a line of text. */
export function readErrorBody(
  status: number,
  body: string,
  secrets: readonly string[] = [],
): { codes: string[]; message: string } {
  const parsed = errorBody.safeParse(parseJson(body));
  const errors = parsed.success ? parsed.data.errors : [];
  // Secrets are removed before the text is cut, because half a secret is one too.
  const shown = (text: string, limit: number) => singleLine(withoutSecrets(text, secrets), limit);
  const codes = new Set(errors.map(({ code }) => code).filter((code) => code !== ''));
  const text =
    errors.length > 0 ? errors.map(({ message }) => message).join('; ') : isMarkup(body) ? '' : body;
  return {
    codes: [...codes]
      .slice(0, MAX_CODES)
      .map((code) => (CODE.test(code) ? code : shown(code, 60)))
      .filter((code) => code !== ''),
    message: shown(text, 200) || statusText(status),
  };
}

export interface ErrorResponse {
  status: number;
  body: string;
  /** Seconds. */
  retryAfter?: number | undefined;
  isUnchallenged?: boolean;
  /** Secrets of the request, which must not be shown in a message. */
  secrets?: readonly string[];
}

/** Removes secrets as they are, and as JSON encodes them. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .reduce((shown, secret) => (secret === '' ? shown : shown.replaceAll(secret, 'xxxxx')), text);
}

/** The error for a response with this status and body. */
export function errorFromResponse(
  url: URL,
  { status, body, retryAfter, isUnchallenged = false, secrets = [] }: ErrorResponse,
): RegistryError {
  const { codes, message } = readErrorBody(status, body, secrets);
  return new RegistryError(failureOf(status, codes), message, {
    status,
    codes,
    url,
    retryAfter,
    isUnchallenged,
  });
}

function failureOf(status: number, codes: readonly string[]): RegistryFailure {
  if (status === 404) return 'not_found';
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'denied';
  if (status === 429 || codes.includes('TOOMANYREQUESTS')) return 'rate_limited';
  if (isRetryable({ status, codes: [] })) return 'unavailable';
  return 'status';
}

/** Longer waits are cut to this. */
const MAX_RETRY_AFTER_S = 24 * 60 * 60;

/**
 * The wait that a `Retry-After` header asks for, in whole seconds from `now`: it holds seconds or a date (RFC 9110,
 * 10.2.3). Undefined if it is invalid or in the past.
 */
export function readRetryAfter(header: string | string[] | undefined, now = Date.now()): number | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000);
  return seconds >= 0 ? Math.min(seconds, MAX_RETRY_AFTER_S) : undefined;
}

/** The URL without secrets, for logs and messages (containerd core/remotes/docker, `sanitizeURL`). */
export function redactUrl(url: URL): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = 'xxxxx';
  const names = [...shown.searchParams.keys()].sort();
  const namespace = shown.searchParams.get('ns');
  shown.search = names
    .map(
      (name) =>
        `${encodeURIComponent(name)}=${name === 'ns' ? encodeURIComponent(namespace ?? '') : 'REDACTED'}`,
    )
    .join('&');
  return shown.href;
}

/** Untrusted text for a message: one line without control characters, at most `limit` characters long. */
export function singleLine(text: string, limit: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  if (line.length <= limit) return line;
  // A copy, because a slice would keep the whole line in memory.
  return `${Buffer.from(line.slice(0, limit - 1)).toString()}…`;
}

const isMarkup = (body: string) => /^\s*</.test(body);

const statusText = (status: number) => `${status} ${STATUS_CODES[status] ?? ''}`.trim();
