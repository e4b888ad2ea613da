import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { z } from 'zod';
import { type Connection, connect } from '../../src/kubernetes/connection.ts';
import type { Cluster } from './cluster.ts';
import type { PushedImage } from './images.ts';
import { type Manifest, type Namespace, podManifest } from './namespace.ts';

/** The results of the pods that creators sent. */
export interface Creations {
  /** How many the API server created. */
  readonly created: number;
  /** The API server's errors for the others. */
  readonly failures: readonly string[];
  /** Pods that were admitted by tag. */
  readonly unpinned: readonly CreatedPod[];
  /** Milliseconds that the slowest pod took, with all its tries. */
  readonly slowest: number;
  /** The most tries that a pod took. */
  readonly tries: number;
  /** How many were never created, in spite of all tries. */
  readonly givenUp: number;
}

export interface CreatedPod {
  readonly name: string;
  readonly images: readonly string[];
}

export interface Creators {
  /** The results so far. */
  readonly soFar: Creations;
  /** Ends all creators, and returns the results of their pods. */
  stop(): Promise<Creations>;
}

export interface CreatorsOptions {
  readonly count?: number;
  /** The longest pause between two pods of one creator, in milliseconds. */
  readonly pause?: number;
  /** Added to the pods' metadata. */
  readonly metadata?: Manifest;
  /** Milliseconds after which a failed pod is sent again, until it is created. If not set, the next pod follows. */
  readonly retryAfter?: number;
}

/** The shortest pause between two tries. */
const MAX_TRIES = 200;

const createdPod = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ containers: z.array(z.object({ image: z.string() })) }),
});

/**
 * Starts `count` creators of pods of an image, which send one pod after another, each at its own pace, directly to the
 * API server. No scheduler handles those pods.
 */
export function startCreators(
  cluster: Cluster,
  namespace: Namespace,
  image: PushedImage,
  { count = 20, pause = 200, retryAfter, metadata }: CreatorsOptions = {},
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
  const create = creator(connection, namespace, image, metadata);
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
    soFar: result,
    async stop() {
      stopped.abort();
      await ended;
      return result;
    },
  };
}

/** Creates a pod in each call. */
function creator(connection: Connection, namespace: Namespace, image: PushedImage, metadata: Manifest = {}) {
  const { metadata: _, ...manifest } = podManifest({ image: image.tagged, spec: { schedulerName: 'none' } });
  const body = JSON.stringify({ ...manifest, metadata: { generateName: 'web-', ...metadata } });
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
