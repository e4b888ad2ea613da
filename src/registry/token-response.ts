import { z } from 'zod';
import { parseJson } from '../json.ts';
import { errorFromResponse, RegistryError, readRetryAfter } from './error.ts';
import type { HttpResponse } from './http.ts';

/** A token server's grant: docker token specification, distribution docs/content/spec/auth/token.md. */
export interface Token {
  token: string;
  /** Whole seconds from now; never fewer than 60. */
  lifetime: number;
}

const MINIMUM_LIFETIME_S = 60;
/** A longer lifetime is a token server's mistake, and would overflow a timer. */
const MAXIMUM_LIFETIME_S = 24 * 60 * 60;

const responseSchema = z.object({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  expires_in: z.coerce.number().nullish().catch(undefined),
  issued_at: z.string().nullish().catch(undefined),
});

/** The syntax of a token in an Authorization header (RFC 6750, `b64token`). */
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Few servers accept longer headers. */
const LONGEST_TOKEN = 64 * 1024;

export const isBearerToken = (text: string) => text.length <= LONGEST_TOKEN && BEARER_TOKEN.test(text);

/**
 * The token in a token server's response, received at `now`. Errors show none of the `secrets` that were sent.
 *
 * @throws RegistryError by status, or `bad_body`, `no_token`, `invalid_token`
 */
export function readToken(
  { url, status, body, headers }: Pick<HttpResponse, 'url' | 'status' | 'body' | 'headers'>,
  now = Date.now(),
  secrets: readonly string[] = [],
): Token {
  const text = body.toString('utf8');
  if (status !== 200) {
    const retryAfter = readRetryAfter(headers['retry-after'], now);
    const error = errorFromResponse(url, { status, body: text, retryAfter, secrets });
    // A 404 without an OCI code means that there is no token server, and says nothing about the image.
    if (status !== 404 || error.codes.length > 0) throw error;
    throw new RegistryError('no_token', 'there is no token server at the URL that the registry names', {
      url,
      status,
    });
  }
  const parsed = responseSchema.safeParse(parseJson(text));
  if (!parsed.success)
    throw new RegistryError('bad_body', "the token server's response isn't a token", { url, status });
  const token = parsed.data.access_token || parsed.data.token;
  if (!token)
    throw new RegistryError('no_token', "the token server's response has no token", { url, status });
  if (!isBearerToken(token)) {
    throw new RegistryError('invalid_token', "the token server's token can't be sent in a header", {
      url,
      status,
    });
  }
  return { token, lifetime: lifetimeOf(parsed.data.expires_in ?? 0, parsed.data.issued_at ?? '', now) };
}

/**
 * `expires_in` counts from `issued_at`. Because the two clocks may differ, it counts from now if the time of issue is in
 * the future, or would mean that the token has already expired: otherwise every request would ask for another token.
 */
function lifetimeOf(expiresIn: number, issuedAt: string, now: number): number {
  const age = (now - Date.parse(issuedAt)) / 1000;
  const left = age > 0 && age < expiresIn ? expiresIn - age : expiresIn;
  return Math.floor(Math.min(MAXIMUM_LIFETIME_S, Math.max(MINIMUM_LIFETIME_S, left)));
}
