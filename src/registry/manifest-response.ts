import type { Credential } from '../credentials/credential.ts';
import { errorFromResponse, RegistryError, readRetryAfter } from './error.ts';
import type { HttpResponse } from './http.ts';

/** Room for sha512. A longer header is no digest, and a part of it would keep the whole header in memory. */
const LONGEST_DIGEST = 200;

/** The digest that a registry states for its response. */
export function digestOf(response: HttpResponse): string | undefined {
  const header = response.headers['docker-content-digest'];
  return typeof header === 'string' && header.length <= LONGEST_DIGEST ? header.trim() : undefined;
}

/**
 * Some registries don't support HEAD (400, 405, 501), Nexus answers it with 404 although GET finds the image, and only the
 * body of a GET says why access is denied (403).
 */
export const needsGet = (status: number) => [400, 403, 404, 405, 501].includes(status);

/** The error for a response that isn't what was asked for. */
export function failure(response: HttpResponse, credential: Credential | undefined): RegistryError {
  const { status, body, url, headers, secrets } = response;
  if (status < 400) {
    return new RegistryError('status', `the registry answers ${status} instead of a manifest or an error`, {
      status,
      url,
    });
  }
  const retryAfter = readRetryAfter(headers['retry-after']);
  return errorFromResponse(url, {
    status,
    body: body.toString('utf8'),
    retryAfter,
    isUnchallenged: status === 401 && headers['www-authenticate'] === undefined && secrets.length === 0,
    secrets: [...secrets, ...(credential?.secrets ?? [])],
  });
}
