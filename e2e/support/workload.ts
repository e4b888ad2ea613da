import type { Manifest } from './namespace.ts';

export interface WorkloadOptions {
  /** By default `web`; its pods have it as their label `app`. */
  readonly name?: string;
  readonly replicas?: number;
  /** Added to the pod's spec. */
  readonly pod?: Manifest;
  /** Added to the workload's spec. */
  readonly spec?: Manifest;
}

/** Selects the pods of the workload of that name. */
export const selectorOf = (name = 'web') => `app=${name}`;

/** A pod template with one container that ends at once. */
function template(image: string, { name = 'web', pod = {} }: WorkloadOptions): Manifest {
  return {
    metadata: { labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'app', image }], ...pod },
  };
}

function workload(apiVersion: string, kind: string, { name = 'web' }: WorkloadOptions, spec: Manifest) {
  return { apiVersion, kind, metadata: { name }, spec };
}

const matching = ({ name = 'web' }: WorkloadOptions) => ({ selector: { matchLabels: { app: name } } });

export function deployment(image: string, options: WorkloadOptions = {}) {
  const { replicas = 2, spec } = options;
  return workload('apps/v1', 'Deployment', options, {
    replicas,
    ...matching(options),
    template: template(image, options),
    ...spec,
  });
}

export function replicaSet(image: string, options: WorkloadOptions = {}) {
  return { ...deployment(image, options), kind: 'ReplicaSet' };
}

export function statefulSet(image: string, options: WorkloadOptions = {}) {
  const { replicas = 3, name = 'web', spec } = options;
  return workload('apps/v1', 'StatefulSet', options, {
    replicas,
    serviceName: name,
    ...matching(options),
    template: template(image, options),
    ...spec,
  });
}

export function daemonSet(image: string, options: WorkloadOptions = {}) {
  return workload('apps/v1', 'DaemonSet', options, {
    ...matching(options),
    template: template(image, options),
    ...options.spec,
  });
}

export function replicationController(image: string, options: WorkloadOptions = {}) {
  const { replicas = 2, name = 'web', spec } = options;
  return workload('v1', 'ReplicationController', options, {
    replicas,
    selector: { app: name },
    template: template(image, options),
    ...spec,
  });
}

/** A Job whose pods succeed after a moment. */
export function job(image: string, options: WorkloadOptions = {}) {
  return workload('batch/v1', 'Job', options, jobSpec(image, options));
}

/** A CronJob that runs once a year. */
export function cronJob(image: string, options: WorkloadOptions = {}) {
  const jobTemplate = { spec: jobSpec(image, options) };
  return workload('batch/v1', 'CronJob', options, { schedule: '0 0 1 1 *', jobTemplate });
}

function jobSpec(image: string, { pod, spec, ...options }: WorkloadOptions): Manifest {
  const containers = [{ name: 'app', image, command: ['/bin/sleep', '0.2'] }];
  return {
    template: template(image, { ...options, pod: { restartPolicy: 'Never', containers, ...pod } }),
    ...spec,
  };
}
