import { RegistryError } from '../registry/error.ts';
import { meaningOf } from '../registry/failures.ts';
import { type Random, spread } from './backoff.ts';
import type { Clock } from './clock.ts';

/** So many failures in a row, and the registry is taken to be down. */
export const FAILURES_TO_OPEN = 5;
const FIRST_PAUSE_MS = 500;
/** Short enough for a registry that is well again to be asked within 5 s, whatever the jitter makes of it. */
export const LONGEST_PAUSE_MS = 3_500;
/** More are of no use: the question is only whether it is one or several. */
const MAX_REPOSITORIES = 10;

/** One request that was let through. */
export interface Admission {
  /** It is to find out whether the registry is well again. */
  readonly trial: boolean;
  /** To be called with what came of it: nothing when it succeeded. */
  ended(error?: unknown): void;
}

/**
 * Keeps requests from a registry that is down: its users are told so at once instead of at their deadline, and it
 * isn't kept down by them. After a pause that grows, one request is let through; the first answer ends it.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #changed: (isOpen: boolean) => void;
  #lastSuccess = Number.NEGATIVE_INFINITY;
  #failures = 0;
  readonly #failing = new Set<string>();
  /** Set while it is open. */
  #open: { since: number; until: number; pause: number; last: RegistryError } | undefined;

  /** @param changed told when it opens or closes */
  constructor(clock: Clock, random: Random, changed: (isOpen: boolean) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#changed = changed;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** The error for those who aren't let through at the moment; undefined when the next one is. */
  refusal(): RegistryError | undefined {
    const left = (this.#open?.until ?? 0) - this.#clock.now();
    if (this.#open === undefined || left <= 0) return undefined;
    const seconds = Math.max(0.1, left / 1000).toFixed(1);
    const why = `${this.#failures} times in a row, so it isn't asked again for ${seconds} s`;
    return this.#open.last.asUnsent({ reason: 'broken', note: why });
  }

  /**
   * Lets a request through.
   *
   * @throws RegistryError, the last one, while the registry is considered down
   */
  admit(repository: string): Admission {
    const started = this.#clock.now();
    const open = this.#open;
    const refusal = this.refusal();
    if (refusal !== undefined) throw refusal;
    // Whether or not it is ever answered, the next one needn't wait for longer than the next pause.
    if (open !== undefined) this.#prolong(open);
    return { trial: open !== undefined, ended: (error) => this.#ended(error, started, repository) };
  }

  #ended(error: unknown, started: number, repository: string): void {
    const sign = error === undefined ? 'life' : signOf(error);
    if (sign === 'life') this.#close();
    else if (sign === 'trouble' && error instanceof RegistryError) this.#failed(error, started, repository);
  }

  #close(): void {
    this.#lastSuccess = this.#clock.now();
    this.#failures = 0;
    this.#failing.clear();
    if (this.#open === undefined) return;
    this.#open = undefined;
    this.#changed(false);
  }

  #failed(error: RegistryError, started: number, repository: string): void {
    // What began before the last success is known to be over: hung requests end late.
    if (started < this.#lastSuccess) return;
    this.#failures++;
    if (this.#failing.size < MAX_REPOSITORIES) this.#failing.add(repository);
    if (this.#open !== undefined) {
      this.#open.last = error;
      if (started > this.#open.since)
        this.#open.until = Math.max(this.#open.until, this.#end(this.#open.pause));
      return;
    }
    if (this.#failures < FAILURES_TO_OPEN) return;
    // An answer, if a bad one: the registry is there, and other repositories of it may be well.
    if (error.status !== undefined && this.#failing.size === 1) return;
    const since = this.#clock.now();
    this.#open = { since, until: this.#end(FIRST_PAUSE_MS), pause: FIRST_PAUSE_MS, last: error };
    this.#changed(true);
  }

  #prolong(open: { pause: number; until: number }): void {
    open.pause = Math.min(open.pause * 2, LONGEST_PAUSE_MS);
    open.until = this.#end(open.pause);
  }

  #end(pause: number): number {
    return this.#clock.now() + spread(pause, this.#random);
  }
}

/** What an error says of the registry itself. Any answer but a bad one is a sign of life, a refusal too. */
function signOf(error: unknown): 'life' | 'trouble' | 'nothing' {
  if (!(error instanceof RegistryError)) return 'nothing';
  if (meaningOf(error.failure).down) return 'trouble';
  return error.status === undefined ? 'nothing' : 'life';
}
