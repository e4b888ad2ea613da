import { z } from 'zod';
import { succeed } from './command.ts';
import type { Namespace, Pod } from './namespace.ts';
import { until } from './until.ts';
import { selectorOf } from './workload.ts';

/** Runs kubectl; throws if it fails. */
export const on = (namespace: Namespace, ...args: string[]) => succeed(namespace.kubectl(args));

/** Waits for the Deployment, StatefulSet or DaemonSet called `web` to have rolled out. */
export const rolledOut = (namespace: Namespace, kind = 'deployment') =>
  on(namespace, 'rollout', 'status', `${kind}/web`, '--timeout=50s');

/** The pods of a workload that aren't terminating; with an empty selector, all pods of the namespace. */
export async function podsOf(namespace: Namespace, selector = selectorOf()): Promise<Pod[]> {
  const pods = await namespace.pods(selector);
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** The distinct images of all their containers. */
export async function imagesOf(namespace: Namespace, selector = selectorOf()): Promise<string[]> {
  const pods = await podsOf(namespace, selector);
  return [...new Set(pods.flatMap(({ spec }) => spec.containers.map(({ image }) => image)))].sort();
}

export interface Expected {
  readonly selector?: string;
  /** By default `Running`. */
  readonly phase?: string;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Waits until there are exactly `count` pods, all in the phase. */
export async function havePods(
  namespace: Namespace,
  count: number,
  { selector = selectorOf(), phase = 'Running', timeout = 90_000 }: Expected = {},
): Promise<void> {
  await until(
    `${count} pods to be ${phase}`,
    async () => {
      const pods = await podsOf(namespace, selector);
      return (pods.length === count && pods.every(({ status }) => status.phase === phase)) || undefined;
    },
    { timeout, seen: async () => (await namespace.kubectl(['get', 'pods,events'])).stdout },
  );
}

/** The fields of an object of any kind that the tests use. */
export interface Listed {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const annotations = z.record(z.string(), z.string()).default({});
const listSchema = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string(), annotations }) })),
});

/** Name and annotations of all objects of a kind. */
export async function listed(namespace: Namespace, kind: string): Promise<Listed[]> {
  const text = await on(namespace, 'get', kind, '--output', 'json');
  return listSchema.parse(JSON.parse(text)).items.map(({ metadata }) => metadata);
}

/** The keys of the pins that an object stores. */
export const pinKeys = ({ annotations }: Listed) =>
  Object.keys(annotations).filter((name) => name.startsWith('pins.tagpin.dev/'));
