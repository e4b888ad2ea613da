import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { health } from '../test/support/webhook-process.ts';
import type { Pods } from './large-pods.ts';
import type { Replica } from './overload-stage.ts';
import { residentOf } from './servers/process.ts';

export interface Flood {
  readonly pods: Pods;
  /** How many are with the webhook at once. */
  readonly atOnce: number;
  /** What the API server waits, in milliseconds. */
  readonly timeout: number;
}

/** What the thread that sends them is told. */
export interface Task extends Flood {
  readonly port: number;
  readonly ca: string;
}

export const answersSchema = z.object({
  allowed: z.number(),
  refused: z.number(),
  /** Calls that failed: no answer in time, or none but 503. */
  failed: z.number(),
  /** Those of them that had no answer when the time was up, not even 503. */
  unanswered: z.number(),
  /** Answers 503, each followed by another try. */
  sentBack: z.number(),
  /** Milliseconds from the first try to the answer that counts. */
  median: z.number(),
  slowest: z.number(),
});

/** What a webhook made of a flood, as the API server sees it. */
export interface Figures extends z.infer<typeof answersSchema> {
  /** Milliseconds that the slowest answer about its health took. */
  readonly slowestHealth: number;
  /** The most MiB resident. */
  readonly peak: number;
}

/** Sends reviews to the webhook as an API server would that has so many requests under way, and watches how it is. */
export async function flood(webhook: Replica, ca: string, flood: Flood): Promise<Figures> {
  const ended = new AbortController();
  const watching = watch(webhook, ended.signal);
  const task: Task = { ...flood, port: webhook.port, ca };
  // In a thread of its own, so that what is slow here isn't taken for the webhook's.
  const sender = new Worker(new URL('./sender.ts', import.meta.url), { workerData: task });
  try {
    const [answers] = await once(sender, 'message');
    return { ...answersSchema.parse(answers), ...(await stop()) };
  } finally {
    await sender.terminate();
    await stop();
  }
  function stop() {
    ended.abort();
    return watching;
  }
}

/** Asks for its health, as the kubelet does but far more often, and looks at what it holds. */
async function watch(webhook: Replica, ended: AbortSignal) {
  let slowestHealth = 0;
  let peak = 0;
  while (!ended.aborted) {
    const asked = performance.now();
    await health(webhook, '/healthz');
    slowestHealth = Math.max(slowestHealth, performance.now() - asked);
    peak = Math.max(peak, residentOf(webhook.pid).now);
    await delay(50);
  }
  return { slowestHealth, peak };
}
