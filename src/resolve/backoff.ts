import { RegistryError } from '../registry/error.ts';
import { meaningOf } from '../registry/failures.ts';

/** A number from 0 up to 1, as `Math.random` gives. */
export type Random = () => number;

/** Requests for one resolve, the first included. */
export const MAX_ATTEMPTS = 3;
const FIRST_BACKOFF_MS = 200;
const GROWTH = 3;

/** Adds ±25 % of jitter, so that requests that failed together aren't retried together. */
export function spread(milliseconds: number, random: Random): number {
  return milliseconds * (0.75 + random() / 2);
}

/** The delay in milliseconds after an attempt: exponential, and at least the registry's `Retry-After`. */
export function backoff(error: RegistryError, attempt: number, random: Random): number {
  const own = spread(FIRST_BACKOFF_MS * GROWTH ** (attempt - 1), random);
  return Math.max(own, (error.retryAfter ?? 0) * 1000);
}

/** Whether the same request may succeed in a moment. A host name that doesn't exist won't. */
export function isRetried(error: unknown): error is RegistryError {
  return error instanceof RegistryError && meaningOf(error.failure).retried && !isUnknownName(error.cause);
}

function isUnknownName(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOTFOUND';
}
