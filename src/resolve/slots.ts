import { RegistryError } from '../registry/error.ts';
import { failures } from '../registry/failures.ts';
import type { Clock } from './clock.ts';
import { FairQueue } from './fair-queue.ts';

/** How many may be with a registry at once, and how many may wait for that. */
export interface SlotOptions {
  concurrency: number;
  queue: number;
}

/** Told of every change. */
export interface SlotObserver {
  inFlight(change: 1 | -1): void;
  waiting(change: 1 | -1): void;
}

/**
 * Who has had no answer for so long gives his slot to the next. Registries answer in a tenth of this; one that has
 * stopped answering would else keep all its slots until its requests time out, and for as long again nobody would
 * notice that it is well. The number in flight stays bounded, because requests time out.
 */
export const SLOW_MS = 2_000;

interface Waiting {
  enter(): void;
  refuse(error: unknown): void;
}

/** The slots of one registry. Who finds none free waits; groups of those who wait take turns. */
export class Slots {
  readonly #clock: Clock;
  readonly #observer: SlotObserver;
  readonly #queue: FairQueue<Waiting>;
  #free: number;

  constructor({ concurrency, queue }: SlotOptions, clock: Clock, observer: SlotObserver) {
    this.#free = concurrency;
    this.#queue = new FairQueue(queue);
    this.#clock = clock;
    this.#observer = observer;
  }

  /**
   * Waits for a slot. What it resolves to is to be called when the slot isn't needed any more.
   *
   * @throws RegistryError `busy` when too many are waiting, or the signal's reason
   */
  enter(group: string, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#free > 0) return Promise.resolve(this.#take());
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        signal.removeEventListener('abort', giveUp);
        this.#observer.waiting(-1);
      };
      const waiting: Waiting = {
        enter: () => {
          stopWaiting();
          resolve(this.#take());
        },
        refuse: (error) => {
          stopWaiting();
          reject(error);
        },
      };
      const giveUp = () => {
        this.#queue.remove(group, waiting);
        waiting.refuse(signal.reason);
      };
      signal.addEventListener('abort', giveUp);
      this.#observer.waiting(1);
      this.#queue.push(group, waiting)?.refuse(tooMany());
    });
  }

  get areTaken(): boolean {
    return this.#free === 0;
  }

  /** Refuses all who wait. */
  sendAway(error: () => unknown): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next.refuse(error());
  }

  #take(): () => void {
    this.#free--;
    this.#observer.inFlight(1);
    let [held, inFlight] = [true, true];
    const free = () => {
      if (!held) return;
      held = false;
      this.#free++;
      this.#queue.shift()?.enter();
    };
    const cancel = this.#clock.after(SLOW_MS, free);
    return () => {
      if (!inFlight) return;
      inFlight = false;
      this.#observer.inFlight(-1);
      cancel();
      free();
    };
  }
}

/** The error of those who find too long a queue, or wait in one for too long. */
export const tooMany = () =>
  new RegistryError('busy', failures.busy.message, { unsent: { reason: 'busy', note: '' } });
