import { type Clock, wait } from '../clock.ts';
import type { RegistryError } from '../registry/error.ts';
import type { Claim } from './slots.ts';

/**
 * The time that one resolve may spend between requests. A webhook has 10 s at most: a short wait is better than a refused
 * pod, but a resolve that would have to wait longer fails at once and says for how long.
 */
const MAX_WAIT_MS = 5_000;

/** One resolve under way, for all callers that wait for it. */
export class InFlightResolve implements Claim {
  /** Ends it, requests included. */
  readonly signal: AbortSignal;
  /** Aborts when no caller waits any more: the request in flight completes, and no further one is sent. */
  readonly abandoned: AbortSignal;
  /** What it waits for: the error of a caller whose deadline ends, because it tells more than a timeout. */
  obstacle: RegistryError | undefined;
  /** Requests sent so far, those for tokens included. */
  requests = 0;
  /** The namespaces whose pods wait for it: it takes the turns of each. */
  readonly tenants: Set<string>;
  onJoin: ((tenant: string) => void) | undefined;
  #waitLeft: number;

  /**
   * @param tenant the namespace of the first caller; empty at the command line
   * @param patience milliseconds that it may spend between requests
   */
  constructor(signal: AbortSignal, abandoned: AbortSignal, tenant = '', patience = MAX_WAIT_MS) {
    this.#waitLeft = patience;
    this.tenants = new Set([tenant]);
    this.signal = signal;
    this.abandoned = AbortSignal.any([signal, abandoned]);
  }

  /** A caller of another namespace waits for it too. */
  join(tenant: string): void {
    if (this.tenants.has(tenant)) return;
    this.tenants.add(tenant);
    this.onJoin?.(tenant);
  }

  canWait(milliseconds: number): boolean {
    return milliseconds <= this.#waitLeft;
  }

  async wait(clock: Clock, milliseconds: number): Promise<void> {
    this.#waitLeft -= milliseconds;
    await wait(clock, milliseconds, this.abandoned);
  }
}
