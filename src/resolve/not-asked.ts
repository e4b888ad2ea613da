import { RegistryError } from '../registry/error.ts';

/** Thrown where a registry isn't asked, since it has just failed: the failure is the one that it had then. */
export class NotAsked extends RegistryError {
  readonly reason: 'broken' | 'rate_limited';
  /** Why it isn't asked, in words that go behind those of the failure. */
  readonly why: string;

  constructor(
    reason: 'broken' | 'rate_limited',
    last: RegistryError,
    why: string,
    retryAfter = last.retryAfter,
  ) {
    super(last.failure, last.message, {
      codes: last.codes,
      cause: last,
      ...(last.status === undefined ? {} : { status: last.status }),
      ...(last.url === undefined ? {} : { url: new URL(last.url) }),
      retryAfter,
    });
    this.reason = reason;
    this.why = why;
  }
}
