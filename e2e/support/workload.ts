import { z } from 'zod';
import { succeed } from './command.ts';
import type { Manifest, Namespace, Pod } from './namespace.ts';
import { until } from './until.ts';

/** The label by which the tests know the pods of a workload called `web`. */
export const selector = 'app=web';

export interface WorkloadOptions {
  readonly replicas?: number;
  /** Added to the pod's spec. */
  readonly pod?: Manifest;
  /** Added to the workload's. */
  readonly spec?: Manifest;
}

/** A pod template with one container, whose pods need no time to end. */
export function template(image: string, pod: Manifest = {}): Manifest {
  return {
    metadata: { labels: { app: 'web' } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'app', image }], ...pod },
  };
}

const named = (apiVersion: string, kind: string, spec: Manifest): Manifest => ({
  apiVersion,
  kind,
  metadata: { name: 'web' },
  spec,
});
const matching = { selector: { matchLabels: { app: 'web' } } };

export const deployment = (image: string, { replicas = 2, pod, spec }: WorkloadOptions = {}) =>
  named('apps/v1', 'Deployment', { replicas, ...matching, template: template(image, pod), ...spec });

export const replicaSet = (image: string, { replicas = 2, pod, spec }: WorkloadOptions = {}) =>
  named('apps/v1', 'ReplicaSet', { replicas, ...matching, template: template(image, pod), ...spec });

export const statefulSet = (image: string, { replicas = 3, pod, spec }: WorkloadOptions = {}) =>
  named('apps/v1', 'StatefulSet', {
    replicas,
    serviceName: 'web',
    ...matching,
    template: template(image, pod),
    ...spec,
  });

export const daemonSet = (image: string, { pod, spec }: WorkloadOptions = {}) =>
  named('apps/v1', 'DaemonSet', { ...matching, template: template(image, pod), ...spec });

export const replicationController = (image: string, { replicas = 2, pod, spec }: WorkloadOptions = {}) =>
  named('v1', 'ReplicationController', {
    replicas,
    selector: { app: 'web' },
    template: template(image, pod),
    ...spec,
  });

/** A Job of pods that end well after a moment. */
export const job = (image: string, { pod, spec }: WorkloadOptions = {}) =>
  named('batch/v1', 'Job', { ...jobSpec(image, pod), ...spec });

export const cronJob = (image: string, { pod, spec }: WorkloadOptions = {}) =>
  named('batch/v1', 'CronJob', {
    schedule: '0 0 1 1 *',
    jobTemplate: { spec: { ...jobSpec(image, pod), ...spec } },
  });

const jobSpec = (image: string, pod: Manifest = {}): Manifest => ({
  template: template(image, {
    restartPolicy: 'Never',
    containers: [{ name: 'app', image, command: ['/bin/sleep', '0.2'] }],
    ...pod,
  }),
});

/** The pods of the workload that aren't on their way out. */
export async function podsOf(namespace: Namespace): Promise<Pod[]> {
  const pods = await namespace.pods(selector);
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** The images of all its pods' containers, each once. */
export async function imagesOf(namespace: Namespace): Promise<string[]> {
  const pods = await podsOf(namespace);
  return [...new Set(pods.flatMap(({ spec }) => spec.containers.map(({ image }) => image)))].sort();
}

/** Waits until the workload has just so many pods, and all of them have come to that phase. */
export async function havePods(namespace: Namespace, count: number, phase = 'Running'): Promise<void> {
  await until(
    `${count} pods to be ${phase}`,
    async () => {
      const all = await namespace.pods(selector);
      const there = all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      const done = there.length === count && there.every(({ status }) => status.phase === phase);
      return done || undefined;
    },
    { timeout: 90_000, seen: async () => (await namespace.kubectl(['get', 'pods,events'])).stdout },
  );
}

/** What the tests look at in an object of any kind. */
export interface Listed {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const listSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        annotations: z.record(z.string(), z.string()).default({}),
      }),
    }),
  ),
});

/** Name and annotations of all objects of a kind. */
export async function listed(namespace: Namespace, kind: string): Promise<Listed[]> {
  const text = await succeed(namespace.kubectl(['get', kind, '--output', 'json']));
  return listSchema.parse(JSON.parse(text)).items.map(({ metadata }) => metadata);
}

/** The keys of the pins that an object stores. */
export const pinKeys = ({ annotations }: Listed) =>
  Object.keys(annotations).filter((name) => name.startsWith('pins.tagpin.dev/'));

/** Runs kubectl, which has to succeed. */
export const on = (namespace: Namespace, ...args: string[]) => succeed(namespace.kubectl(args));

/** Waits for a Deployment, StatefulSet or DaemonSet to have rolled out. */
export const rolledOut = (namespace: Namespace, kind = 'deployment') =>
  on(namespace, 'rollout', 'status', `${kind}/web`, '--timeout=50s');
