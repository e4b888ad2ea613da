import { RegistryError, type RegistryFailure } from '../registry/error.ts';

/** A number from 0 up to 1, as `Math.random` gives. */
export type Random = () => number;

/** So often is asked, the first time included. */
export const MAX_ATTEMPTS = 3;
const FIRST_BACKOFF_MS = 200;
const GROWTH = 3;

/** A quarter more or less, so that those who failed together don't come back together. */
export function spread(milliseconds: number, random: Random): number {
  return milliseconds * (0.75 + random() / 2);
}

/** Milliseconds to wait after the attempt of this number: growing with each, or as long as the registry said. */
export function backoff(error: RegistryError, attempt: number, random: Random): number {
  const own = spread(FIRST_BACKOFF_MS * GROWTH ** (attempt - 1), random);
  return Math.max(own, (error.retryAfter ?? 0) * 1000);
}

/** A registry that says nothing has had its time, and a name that doesn't exist won't by tomorrow. */
const passing: ReadonlySet<RegistryFailure> = new Set<RegistryFailure>([
  'rate_limited',
  'unavailable',
  'network',
]);

/** Whether the same request may do better in a moment. */
export function isPassing(error: unknown): error is RegistryError {
  return error instanceof RegistryError && passing.has(error.failure) && !isUnknownName(error.cause);
}

function isUnknownName(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOTFOUND';
}
