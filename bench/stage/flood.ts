import { setTimeout as delay } from 'node:timers/promises';
import { health } from '../../test/support/webhook-process.ts';
import { residentOf } from './process.ts';
import type { Tagpin } from './stage.ts';
import { Thread } from './thread.ts';

/** Milliseconds that the API server waits, as the manifests have it. */
export const TIMEOUT_MS = 10_000;

export interface Flood {
  /** How many pods are created, and how many of them are with the webhook at once. */
  readonly pods: number;
  readonly atOnce: number;
  /** The reference of an image, with a mark for its number; the first number, and how many there are. */
  readonly reference: string;
  readonly from?: number;
  readonly images: number;
  /** Of each pod; each has the next image. 1 if not given. */
  readonly containers?: number;
  /** About how many bytes the review of each pod has; as few as can be if not given. */
  readonly bytes?: number;
}

/** What `flood-thread.ts` is to send to whom. */
export interface FloodTask extends Flood {
  readonly target: {
    readonly port: number;
    readonly ca: string;
    readonly servername: string;
    readonly path: string;
  };
}

/** What an API server gets for a flood. */
export interface Answers {
  readonly allowed: number;
  readonly refused: number;
  /** Calls that failed: no answer in time, or none but 503. */
  readonly failed: number;
  /** Those of them that had no answer when the time was up, not even 503. */
  readonly unanswered: number;
  /** Answers 503, each followed by another try. */
  readonly sentBack: number;
  /** Milliseconds from the first try to the answer that counts. */
  readonly median: number;
  readonly slowest: number;
}

/** How the webhook was meanwhile. */
export interface Watched {
  /** Milliseconds that the slowest answer about its health took. */
  readonly slowestHealth: number;
  /** The most MiB resident. */
  readonly peak: number;
}

export type Flooded = Answers & Watched;

/** Sends reviews to the webhook as an API server with so many requests under way does. */
export async function flood(webhook: Tagpin, flood: Flood): Promise<Flooded> {
  const { port, ca, servername, path } = webhook;
  await using thread = new Thread<FloodTask, Answers>('./flood-thread.ts');
  const sending = thread.call({ ...flood, target: { port, ca, servername, path } });
  const [answers, watched] = await watch(webhook, sending);
  return { ...answers, ...watched };
}

/** Watches the webhook until `work` is done. Throws if its process ends. */
export async function watch<T>(webhook: Tagpin, work: Promise<T>): Promise<[T, Watched]> {
  let over = false;
  const look = async () => {
    let [slowestHealth, peak] = [0, 0];
    // As the kubelet does, but far more often.
    while (!over) {
      const asked = performance.now();
      await health(webhook, '/healthz');
      slowestHealth = Math.max(slowestHealth, performance.now() - asked);
      peak = Math.max(peak, residentOf(webhook.pid).now);
      await delay(50);
    }
    return { slowestHealth, peak };
  };
  return await Promise.all([work.finally(() => (over = true)), look()]);
}
