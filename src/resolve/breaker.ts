import { LRUCache } from 'lru-cache';
import { type Clock, wait } from '../clock.ts';
import { RegistryError } from '../registry/error.ts';
import { meaningOf } from '../registry/failures.ts';
import type { Random } from './backoff.ts';
import { Circuit } from './circuit.ts';

/** Repositories of one registry whose health is remembered. */
const MAX_REPOSITORIES = 1_000;
/** The longest wait for a probe under way; a healthy registry answers sooner. */
const TRIAL_WAIT_MS = 1_000;

/** The account, repository and tenant of a request. */
export interface BreakerSubject {
  account: string;
  repository: string;
  /** The namespace that waits for it. */
  tenant: string;
}

/** A request that may be sent. */
export interface Admission {
  /** Whether it probes a host or repository that is considered down. */
  readonly trial: boolean;
  /** To be called when it has ended, with its error if it failed. */
  ended(error?: unknown): void;
}

/**
 * The circuit breaker of a registry and its repositories: while one is down, requests fail at once instead of at their
 * deadline, and don't hinder its recovery.
 *
 * What one tenant chooses to ask for mustn't close a registry for the others. So an error that the registry answers
 * counts against the repository it was answered for, as the asking account sees it. Only silence and failed connections
 * count against the host; and while the host's circuit is open, a repository that hasn't been silent itself may still be
 * tried, one request of a tenant at a time.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #changed: (isOpen: boolean) => void;
  readonly #host: Circuit;
  readonly #repositories = new LRUCache<string, Circuit>({ max: MAX_REPOSITORIES });
  /** The repositories that were silent since the host last answered anything. */
  readonly #silent = new LRUCache<string, true>({ max: MAX_REPOSITORIES });
  /** The trials under way of repositories that weren't silent, by tenant. */
  readonly #trials = new Map<string, Promise<void>>();

  /** @param changed told when the host's circuit opens or closes */
  constructor(clock: Clock, random: Random, changed: (isOpen: boolean) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#changed = changed;
    this.#host = new Circuit(clock, random);
  }

  /** Whether the host is considered down. */
  get isOpen(): boolean {
    return this.#host.isOpen;
  }

  /** Waits a moment for a trial under way on behalf of the same tenant, whose outcome decides for this request too. */
  async awaitTrial({ tenant, repository }: BreakerSubject, signal: AbortSignal): Promise<void> {
    const trial = this.#trials.get(tenant);
    if (trial === undefined || this.#silent.has(repository)) return;
    await Promise.race([trial, wait(this.#clock, TRIAL_WAIT_MS, signal)]);
  }

  /**
   * Lets a request through.
   *
   * @throws RegistryError, the last one, while the host or the repository is considered down
   */
  admit(subject: BreakerSubject): Admission {
    const started = this.#clock.elapsed();
    const own = this.#repositories.get(keyOf(subject));
    const refusal = own?.refusal() ?? this.#hostRefusal(subject);
    if (refusal !== undefined) throw refusal;
    const trial = this.#host.isOpen || own?.isOpen === true;
    own?.tried();
    const ended = this.#host.isOpen ? this.#beginHostTrial(subject) : () => undefined;
    return {
      trial,
      ended: (error) => {
        this.#judge(subject, error, started);
        ended();
      },
    };
  }

  /** The error of a request that isn't sent because of the host. */
  #hostRefusal(subject: BreakerSubject): RegistryError | undefined {
    const mayTry = !this.#isSilent(subject) && !this.#trials.has(subject.tenant);
    return mayTry ? undefined : this.#host.refusal();
  }

  #beginHostTrial(subject: BreakerSubject): () => void {
    if (this.#isSilent(subject) || this.#trials.has(subject.tenant)) {
      this.#host.tried();
      return () => undefined;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#trials.set(subject.tenant, promise);
    return () => {
      this.#trials.delete(subject.tenant);
      resolve();
    };
  }

  #isSilent({ repository }: BreakerSubject): boolean {
    return this.#silent.has(repository);
  }

  #judge(subject: BreakerSubject, error: unknown, started: number): void {
    const wasOpen = this.#host.isOpen;
    const evidence = evidenceOf(error);
    if (evidence === 'none') return;
    if (evidence === 'silence') {
      this.#silent.set(subject.repository, true);
    } else {
      this.#host.succeeded();
      this.#silent.clear();
    }
    const circuit = this.#repositories.get(keyOf(subject)) ?? new Circuit(this.#clock, this.#random);
    this.#repositories.set(keyOf(subject), circuit);
    if (evidence === 'health' || !(error instanceof RegistryError)) circuit.succeeded();
    else circuit.failed(error, started);
    if (evidence === 'silence' && error instanceof RegistryError) this.#host.failed(error, started);
    if (this.#host.isOpen !== wasOpen) this.#changed(this.#host.isOpen);
  }
}

const keyOf = ({ account, repository }: BreakerSubject) => `${account} ${repository}`;

/** What the end of a request proves: any response except a server error is a sign of health, even 401 or 403. */
function evidenceOf(error: unknown): 'health' | 'trouble' | 'silence' | 'none' {
  if (error === undefined) return 'health';
  if (!(error instanceof RegistryError)) return 'none';
  if (!meaningOf(error.failure).down) return error.status === undefined ? 'none' : 'health';
  return error.status === undefined ? 'silence' : 'trouble';
}
