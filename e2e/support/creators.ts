import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { z } from 'zod';
import { type Connection, connect } from '../../src/kubernetes/connection.ts';
import type { Cluster } from './cluster.ts';
import type { PushedImage } from './images.ts';
import { type Namespace, podManifest } from './namespace.ts';

/** What became of the pods that creators sent. */
export interface Creations {
  /** How many the API server made. */
  readonly created: number;
  /** What it said where it made none. */
  readonly failures: readonly string[];
  /** Pods that were let in by tag. */
  readonly unpinned: readonly CreatedPod[];
  /** Milliseconds that the slowest took, with all its tries. */
  readonly slowest: number;
  /** How often the one was sent that was sent most often. */
  readonly tries: number;
  /** How many were never created, however often they were sent. */
  readonly givenUp: number;
}

export interface CreatedPod {
  readonly name: string;
  readonly images: readonly string[];
}

export interface Creators {
  /** What has become of them so far. */
  readonly interruptible: Creations;
  /** Ends them all, and says what became of their pods. */
  stop(): Promise<Creations>;
}

export interface CreatorsOptions {
  readonly count?: number;
  /** The longest, in milliseconds, between two of one creator. */
  readonly pause?: number;
  /** Milliseconds after which a pod that wasn't created is sent again, until it is; without it, the next one follows. */
  readonly retryAfter?: number;
}

/** Nobody tries more often than this. */
const MAX_TRIES = 200;

const createdPod = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ containers: z.array(z.object({ image: z.string() })) }),
});

/**
 * So many who create pods of an image, one after another and each at his own pace, straight at the API server. No
 * scheduler ever looks at those pods.
 */
export function startCreators(
  cluster: Cluster,
  namespace: Namespace,
  image: PushedImage,
  { count = 20, pause = 200, retryAfter }: CreatorsOptions = {},
): Creators {
  const connection = connect({ kubeconfig: cluster.kubeconfig });
  const result = {
    created: 0,
    failures: [] as string[],
    unpinned: [] as CreatedPod[],
    slowest: 0,
    tries: 1,
    givenUp: 0,
  };
  const stopped = new AbortController();
  const create = creator(connection, namespace, image);
  const running = Array.from({ length: count }, async () => {
    while (!stopped.signal.aborted) {
      const started = performance.now();
      for (let tries = 1; ; tries++) {
        const { failure, pod } = await create();
        result.slowest = Math.max(result.slowest, performance.now() - started);
        result.tries = Math.max(result.tries, tries);
        if (pod?.images.some((admitted) => admitted !== image.pinned)) result.unpinned.push(pod);
        if (failure === undefined) {
          result.created++;
          break;
        }
        result.failures.push(failure);
        if (retryAfter === undefined || tries === MAX_TRIES) {
          result.givenUp++;
          break;
        }
        await sleep(retryAfter);
      }
      await sleep(Math.random() * pause);
    }
  });
  const ended = Promise.all(running).then(() => connection.close());
  return {
    interruptible: result,
    async stop() {
      stopped.abort();
      await ended;
      return result;
    },
  };
}

/** Creates a pod at each call. */
function creator(connection: Connection, namespace: Namespace, image: PushedImage) {
  const { metadata: _, ...manifest } = podManifest({ image: image.tagged, spec: { schedulerName: 'none' } });
  const body = JSON.stringify({ ...manifest, metadata: { generateName: 'web-' } });
  return async (): Promise<{ failure?: string; pod?: CreatedPod }> => {
    const { dispatcher, headers } = await connection.access();
    try {
      const response = await request(`${connection.server}/api/v1/namespaces/${namespace.name}/pods`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        ...(dispatcher && { dispatcher }),
      });
      const text = await response.body.text();
      if (response.statusCode !== 201) return { failure: text.trim() };
      const { metadata, spec } = createdPod.parse(JSON.parse(text));
      return { pod: { name: metadata.name, images: spec.containers.map(({ image }) => image) } };
    } catch (error) {
      return { failure: String(error) };
    }
  };
}
