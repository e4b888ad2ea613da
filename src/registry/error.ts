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
  /** HTTP status; absent when there was no answer. */
  status?: number;
  /** OCI error codes of the answer, `MANIFEST_UNKNOWN` and such. */
  codes?: readonly string[];
  /** The URL asked for; kept redacted. */
  url?: URL;
  /** `Retry-After`, in seconds from now. */
  retryAfter?: number | undefined;
  unsent?: Unsent;
  cause?: unknown;
}

/** One error for all that can go wrong with a registry. Its message is fit to be shown: one line, no secrets. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly failure: RegistryFailure;
  readonly status: number | undefined;
  readonly codes: readonly string[];
  readonly url: string | undefined;
  readonly retryAfter: number | undefined;
  /** Set if nothing was sent, and the failure is that of an earlier request. */
  readonly unsent: Unsent | undefined;

  constructor(failure: RegistryFailure, message: string, details: RegistryErrorDetails = {}) {
    super(singleLine(message, 300), { cause: details.cause });
    this.failure = failure;
    this.status = details.status;
    this.codes = details.codes ?? [];
    this.url = details.url && redactUrl(details.url);
    this.retryAfter = details.retryAfter;
    this.unsent = details.unsent;
  }

  /** Whether asking again later may help. */
  get retryable(): boolean {
    if (this.failure === 'network' || this.failure === 'timeout') return true;
    return isRetryable({ status: this.status ?? 0, codes: this.codes });
  }

  /** This failure for a request that isn't sent because of it. */
  asUnsent(unsent: Unsent, retryAfter = this.retryAfter): RegistryError {
    return new RegistryError(this.failure, this.message, {
      codes: this.codes,
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
 * Whether an answer may be another one later: all of its codes say so, or it has none and its status says so
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

/** Registries give one or two; a message is no place for more. */
const MAX_CODES = 5;
/** As the specification writes them; what they mean depends on each letter. */
const CODE = /^[A-Z][A-Z_]{0,59}$/;

/** What an error answer says, but for the secrets in it: its OCI codes, a few at most, and a line of text. */
export function readErrorBody(
  status: number,
  body: string,
  secrets: readonly string[] = [],
): { codes: string[]; message: string } {
  const parsed = errorBody.safeParse(parseJson(body));
  const errors = parsed.success ? parsed.data.errors : [];
  // Secrets are looked for before anything is cut off: half of one is one too.
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

export interface ErrorAnswer {
  status: number;
  body: string;
  /** Seconds. */
  retryAfter?: number | undefined;
  /** What was sent and must not come back in a message. */
  secrets?: readonly string[];
}

/** A text that is JSON has its secrets as JSON writes them. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .reduce((shown, secret) => (secret === '' ? shown : shown.replaceAll(secret, 'xxxxx')), text);
}

/** The error that an answer with this status and body means. */
export function errorFromAnswer(
  url: URL,
  { status, body, retryAfter, secrets = [] }: ErrorAnswer,
): RegistryError {
  const { codes, message } = readErrorBody(status, body, secrets);
  return new RegistryError(failureOf(status, codes), message, {
    status,
    codes,
    url,
    retryAfter,
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

/** The URL as logs and messages may show it (containerd core/remotes/docker, `sanitizeURL`). */
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

/** Makes text from a stranger fit for a message: no control characters, one line, at most `limit` characters. */
export function singleLine(text: string, limit: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  if (line.length <= limit) return line;
  // A copy: a slice would keep all of the line in memory for as long as it is kept itself.
  return `${Buffer.from(line.slice(0, limit - 1)).toString()}…`;
}

const isMarkup = (body: string) => /^\s*</.test(body);

const statusText = (status: number) => `${status} ${STATUS_CODES[status] ?? ''}`.trim();
