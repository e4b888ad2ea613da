import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import { until } from './until.ts';

/** The installed tagpin, for tests that run alone on the cluster. */
export interface Tagpin {
  /** Ends all replicas, and returns when none is left. */
  stop(): Promise<void>;
  /** Starts two replicas again, and returns when both are ready. */
  start(): Promise<void>;
  /** Replaces both replicas, as an upgrade does, and returns when the old ones have ended. */
  restart(): Promise<void>;
  /** The replicas that are ready, by name. */
  ready(): Promise<Replica[]>;
  /** Returns two ready replicas, as soon as there are two other than that pod or container. */
  recovered(without?: string): Promise<Replica[]>;
  /** Deletes a replica without a grace period, as if its node were lost. */
  forceDelete(name: string): Promise<void>;
  /** Removes webhooks from its configuration; returns a function that restores them. */
  without(...entries: readonly string[]): Promise<() => Promise<void>>;
  /** Removes all permissions on a resource from its ClusterRole `tagpin-revisions`; returns a function that restores them. */
  withoutLeaveFor(resource: string): Promise<() => Promise<void>>;
  /** The sum over the replicas of all series of a metric whose labels contain this. */
  metric(name: string, labels?: string): Promise<number>;
}

const configurationSchema = z.object({ webhooks: z.array(z.looseObject({ name: z.string() })) });
const roleSchema = z.object({ rules: z.array(z.looseObject({ resources: z.array(z.string()) })) });
const podsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), deletionTimestamp: z.string().optional() }),
      status: z.object({
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
        containerStatuses: z.array(z.object({ containerID: z.string().default('') })).default([]),
      }),
    }),
  ),
});

/** A pod of tagpin, and its container's id in the runtime. */
export interface Replica {
  readonly name: string;
  readonly container: string;
}

export function tagpinOf(cluster: Cluster): Tagpin {
  const kubectl = (...args: string[]) =>
    succeed(
      run([cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, '-n', 'tagpin-system', ...args]),
    );
  const pods = ['pods', '--selector=app.kubernetes.io/name=tagpin'];
  const configuration = ['mutatingwebhookconfiguration', 'tagpin'];
  const setEntries = (webhooks: unknown) =>
    kubectl('patch', ...configuration, '--type=merge', `--patch=${JSON.stringify({ webhooks })}`);
  const readyReplicas = async (): Promise<Replica[]> => {
    const { items } = podsSchema.parse(JSON.parse(await kubectl('get', ...pods, '--output=json')));
    return items.flatMap(({ metadata, status }) => {
      const isReady = status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
      const container = status.containerStatuses[0]?.containerID.replace(/^.*:\/\//, '') ?? '';
      return isReady && metadata.deletionTimestamp === undefined ? [{ name: metadata.name, container }] : [];
    });
  };
  return {
    ready: readyReplicas,
    recovered: (without) =>
      until(
        'two replicas of tagpin to be ready',
        async () => {
          const replicas = (await readyReplicas()).filter(
            ({ name, container }) => name !== without && container !== without,
          );
          return replicas.length >= 2 ? replicas : undefined;
        },
        { timeout: 120_000, every: 100 },
      ),
    async forceDelete(name) {
      await kubectl('delete', 'pod', name, '--grace-period=0', '--force');
    },
    async stop() {
      await kubectl('scale', 'deployment/tagpin', '--replicas=0');
      await kubectl('wait', ...pods, '--for=delete', '--timeout=60s');
    },
    async start() {
      await kubectl('scale', 'deployment/tagpin', '--replicas=2');
      await kubectl('rollout', 'status', 'deployment/tagpin', '--timeout=60s');
    },
    async restart() {
      const old = (await kubectl('get', ...pods, '--output=name')).split('\n');
      await kubectl('rollout', 'restart', 'deployment/tagpin');
      await kubectl('rollout', 'status', 'deployment/tagpin', '--timeout=90s');
      await kubectl('wait', ...old, '--for=delete', '--timeout=60s');
    },
    async without(...entries) {
      const { webhooks } = configurationSchema.parse(
        JSON.parse(await kubectl('get', ...configuration, '--output=json')),
      );
      await setEntries(webhooks.filter(({ name }) => !entries.includes(name)));
      return async () => void (await setEntries(webhooks));
    },
    async withoutLeaveFor(resource) {
      const role = ['clusterrole', 'tagpin-revisions'];
      const { rules } = roleSchema.parse(JSON.parse(await kubectl('get', ...role, '--output=json')));
      const setRules = (changed: unknown) =>
        kubectl('patch', ...role, '--type=merge', `--patch=${JSON.stringify({ rules: changed })}`);
      const others = (resources: readonly string[]) => resources.filter((name) => name !== resource);
      await setRules(rules.map((rule) => ({ ...rule, resources: others(rule.resources) })));
      return async () => void (await setRules(rules));
    },
    async metric(name, labels = '') {
      const { items } = podsSchema.parse(JSON.parse(await kubectl('get', ...pods, '--output=json')));
      const texts = await Promise.all(
        items.map(({ metadata }) =>
          kubectl(
            'get',
            '--raw',
            `/api/v1/namespaces/tagpin-system/pods/${metadata.name}:8080/proxy/metrics`,
          ),
        ),
      );
      const values = texts
        .flatMap((text) => text.split('\n'))
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => line.includes(labels))
        .map((line) => Number(line.slice(line.lastIndexOf(' '))));
      return values.reduce((sum, value) => sum + value, 0);
    },
  };
}
