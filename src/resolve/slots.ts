import type { Clock } from '../clock.ts';
import { RegistryError } from '../registry/error.ts';
import { failures } from '../registry/failures.ts';
import { FairQueue, type Turn } from './fair-queue.ts';

/** The maximum of requests in flight at one registry, and of those that wait in its queue. */
export interface SlotOptions {
  concurrency: number;
  queue: number;
}

/** The part of the slots of one registry that one namespace may hold, whatever it sends. The rest is kept free for others. */
export const SHARE = 3 / 4;

/** Told of every change. */
export interface SlotObserver {
  inFlight(change: 1 | -1): void;
  waiting(change: 1 | -1): void;
}

/** What a slot is for. */
export interface Claim {
  /** The namespaces that wait for it. */
  readonly tenants: ReadonlySet<string>;
  /** Set by the slots: to be called when another namespace waits for it too. */
  onJoin: ((tenant: string) => void) | undefined;
  /** Aborts when nobody waits for it any more. */
  readonly abandoned: AbortSignal;
}

/**
 * A request unanswered after this frees its slot, so that a hung registry, or a hung part of it, can't block the others.
 * Registries answer in a tenth of it. What is under way stays bounded, because requests time out.
 */
export const SLOW_MS = 2_000;

interface SlotWaiter {
  readonly turns: Turn[];
  enter(tenant: string): void;
  refuse(error: unknown): void;
  sendAway(): void;
}

/**
 * The slots of one registry, or of all. A free one goes to the namespace that holds the fewest, and within it to its accounts in turn:
 * so no namespace, however much it sends, makes another wait for more than one request.
 */
export class Slots {
  readonly #clock: Clock;
  readonly #observer: SlotObserver;
  readonly #queue: FairQueue<SlotWaiter>;
  /** How many one namespace may hold. */
  readonly #share: number;
  readonly #held = new Map<string, number>();
  readonly #concurrency: number;
  #free: number;

  constructor(options: SlotOptions & { share: number }, clock: Clock, observer: SlotObserver) {
    const { concurrency, queue, share } = options;
    this.#concurrency = concurrency;
    this.#share = Math.ceil(concurrency * share);
    this.#free = concurrency;
    this.#queue = new FairQueue(queue);
    this.#clock = clock;
    this.#observer = observer;
  }

  /**
   * Waits for a slot. Resolves to a function that frees it again, or to undefined when all that waited are sent away.
   *
   * @param account takes turns with the other accounts of its namespace
   * @throws RegistryError `busy` when too many are waiting, or the reason of the claim's signal
   */
  enter(claim: Claim, account: string): Promise<(() => void) | undefined> {
    const { tenants, abandoned } = claim;
    if (abandoned.aborted) return Promise.reject(abandoned.reason);
    const tenant = [...tenants].find((candidate) => this.#hasRoom(candidate));
    if (tenant !== undefined) return Promise.resolve(this.#take(tenant));
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        abandoned.removeEventListener('abort', giveUp);
        claim.onJoin = undefined;
        for (const turn of waiting.turns) this.#queue.remove(turn, waiting);
        this.#observer.waiting(-1);
      };
      const waiting: SlotWaiter = {
        turns: [],
        enter: (taken) => {
          stopWaiting();
          resolve(this.#take(taken));
        },
        refuse: (error) => {
          stopWaiting();
          reject(error);
        },
        sendAway: () => {
          stopWaiting();
          resolve(undefined);
        },
      };
      const giveUp = () => waiting.refuse(abandoned.reason);
      abandoned.addEventListener('abort', giveUp);
      this.#observer.waiting(1);
      claim.onJoin = (joined) => this.#queueFor({ tenant: joined, account }, waiting);
      for (const waits of tenants) this.#queueFor({ tenant: waits, account }, waiting);
    });
  }

  /** Whether a claim of these namespaces has to wait. */
  mustWait(tenants: ReadonlySet<string>): boolean {
    return ![...tenants].some((tenant) => this.#hasRoom(tenant));
  }

  /** Wakes all waiters without a slot, for example because the circuit breaker has opened. */
  sendAway(): void {
    for (const waiting of this.#everyone()) waiting.sendAway();
  }

  #everyone(): Set<SlotWaiter> {
    const all = new Set<SlotWaiter>();
    for (const tenant of [...this.#queue.tenants]) {
      for (let next = this.#queue.take(tenant); next !== undefined; next = this.#queue.take(tenant))
        all.add(next);
    }
    return all;
  }

  /** Without a namespace, as at the command line, there are no others to leave slots for. */
  #hasRoom(tenant: string): boolean {
    const share = tenant === '' ? this.#concurrency : this.#share;
    return this.#free > 0 && this.#holds(tenant) < share;
  }

  #holds(tenant: string): number {
    return this.#held.get(tenant) ?? 0;
  }

  #queueFor(turn: Turn, waiting: SlotWaiter): void {
    waiting.turns.push(turn);
    const dropped = this.#queue.push(turn, waiting);
    if (dropped === undefined) return;
    const { entry } = dropped;
    const index = entry.turns.findIndex(({ tenant }) => tenant === dropped.turn.tenant);
    entry.turns.splice(index, 1);
    if (entry.turns.length === 0) entry.refuse(tooMany());
  }

  #serveNext(): void {
    const waiting = [...this.#queue.tenants].filter((tenant) => this.#hasRoom(tenant));
    const [first, ...others] = waiting;
    if (first === undefined) return;
    const next = others.reduce(
      (best, tenant) => (this.#holds(tenant) < this.#holds(best) ? tenant : best),
      first,
    );
    this.#queue.take(next)?.enter(next);
  }

  #take(tenant: string): () => void {
    this.#free--;
    this.#count(tenant, 1);
    this.#observer.inFlight(1);
    let [holds, isUnderWay] = [true, true];
    const free = () => {
      if (!holds) return;
      holds = false;
      this.#free++;
      this.#count(tenant, -1);
      this.#serveNext();
    };
    const cancel = this.#clock.after(SLOW_MS, free);
    return () => {
      if (!isUnderWay) return;
      isUnderWay = false;
      this.#observer.inFlight(-1);
      cancel();
      free();
    };
  }

  #count(tenant: string, change: 1 | -1): void {
    const count = this.#holds(tenant) + change;
    if (count === 0) this.#held.delete(tenant);
    else this.#held.set(tenant, count);
  }
}

/** The error of a claim that finds too long a queue, or waits in it for too long. */
export const tooMany = () =>
  new RegistryError('busy', failures.busy.message, { unsent: { reason: 'busy', note: '' } });
