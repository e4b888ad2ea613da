import { z } from 'zod';
import { parseJson } from '../json.ts';
import { errorFromAnswer, RegistryError } from './error.ts';
import type { Answer } from './http.ts';
import { readRetryAfter } from './retry-after.ts';

/** What a token server grants: docker token specification, distribution docs/content/spec/auth/token.md. */
export interface Token {
  token: string;
  /** Whole seconds from now; never fewer than 60. */
  lifetime: number;
}

const MINIMUM_LIFETIME_S = 60;
/** No token server means more, whatever it says, and a timer couldn't hold it. */
const MAXIMUM_LIFETIME_S = 24 * 60 * 60;

const answerShape = z.object({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  expires_in: z.coerce.number().nullish().catch(undefined),
  issued_at: z.string().nullish().catch(undefined),
});

/** What can stand in an Authorization header (RFC 6750, `b64token`). */
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Few servers take a header of more. */
const LONGEST_TOKEN = 64 * 1024;

export const isBearerToken = (text: string) => text.length <= LONGEST_TOKEN && BEARER_TOKEN.test(text);

/**
 * The token in a token server's answer, which came at `now`. An error shows none of the `secrets` that were sent.
 *
 * @throws RegistryError by status, or `bad_body`, `no_token`, `invalid_token`
 */
export function readToken(
  { url, status, body, headers }: Pick<Answer, 'url' | 'status' | 'body' | 'headers'>,
  now = Date.now(),
  secrets: readonly string[] = [],
): Token {
  const text = body.toString('utf8');
  if (status !== 200) {
    const retryAfter = readRetryAfter(headers['retry-after'], now);
    const error = errorFromAnswer(url, { status, body: text, retryAfter, secrets });
    // Without a registry's code it is the token server that isn't there, which says nothing of the image.
    if (status !== 404 || error.codes.length > 0) throw error;
    throw new RegistryError('no_token', 'there is no token server where the registry says', { url, status });
  }
  const answer = answerShape.safeParse(parseJson(text));
  if (!answer.success)
    throw new RegistryError('bad_body', "the token server's answer is no token", { url, status });
  const token = answer.data.access_token || answer.data.token;
  if (!token)
    throw new RegistryError('no_token', "the token server's answer holds no token", { url, status });
  if (!isBearerToken(token)) {
    throw new RegistryError('invalid_token', "the token server's token can't be sent in a header", {
      url,
      status,
    });
  }
  return { token, lifetime: lifetimeOf(answer.data.expires_in ?? 0, answer.data.issued_at ?? '', now) };
}

/**
 * `expires_in` counts from `issued_at`. The two clocks may differ, though: a time of issue that is yet to come, or
 * one after which the token would be over on arrival, can't be right, and then it counts from now. Were a token
 * with such a time held to be over, every request would ask for another.
 */
function lifetimeOf(expiresIn: number, issuedAt: string, now: number): number {
  const age = (now - Date.parse(issuedAt)) / 1000;
  const left = age > 0 && age < expiresIn ? expiresIn - age : expiresIn;
  return Math.floor(Math.min(MAXIMUM_LIFETIME_S, Math.max(MINIMUM_LIFETIME_S, left)));
}
