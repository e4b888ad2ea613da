import { isDeepStrictEqual } from 'node:util';
import type { WorkloadKind } from './workload.ts';

/**
 * The API server's defaults for some fields of an object: a value, the defaults of an object's own fields, or those of each
 * item of a list.
 */
type Defaults = { is: unknown } | { fields: Readonly<Record<string, Defaults>> } | { each: Defaults };

const is = (value: unknown): Defaults => ({ is: value });
const fields = (of: Readonly<Record<string, Defaults>>): Defaults => ({ fields: of });
const each = (of: Readonly<Record<string, Defaults>>): Defaults => ({ each: fields(of) });

/*
 * kubernetes pkg/apis/core/v1/defaults.go, pkg/apis/apps/v1/defaults.go, pkg/apis/batch/v1/defaults.go
 */
const httpGet = fields({ scheme: is('HTTP') });
const probe = fields({
  timeoutSeconds: is(1),
  periodSeconds: is(10),
  successThreshold: is(1),
  failureThreshold: is(3),
  httpGet,
  grpc: fields({ service: is('') }),
});
const hook = fields({ httpGet });
const container = {
  terminationMessagePath: is('/dev/termination-log'),
  terminationMessagePolicy: is('File'),
  imagePullPolicy: is('IfNotPresent'),
  resources: is({}),
  ports: each({ protocol: is('TCP') }),
  env: each({ valueFrom: fields({ fieldRef: fields({ apiVersion: is('v1') }) }) }),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: fields({ postStart: hook, preStop: hook }),
};
const file = each({ fieldRef: fields({ apiVersion: is('v1') }) });
const mode = is(0o644);
const volume = {
  configMap: fields({ defaultMode: mode }),
  secret: fields({ defaultMode: mode }),
  downwardAPI: fields({ defaultMode: mode, items: file }),
  projected: fields({
    defaultMode: mode,
    sources: each({
      serviceAccountToken: fields({ expirationSeconds: is(3600) }),
      downwardAPI: fields({ items: file }),
    }),
  }),
  hostPath: fields({ type: is('') }),
};
const podSpec = {
  dnsPolicy: is('ClusterFirst'),
  restartPolicy: is('Always'),
  schedulerName: is('default-scheduler'),
  securityContext: is({}),
  terminationGracePeriodSeconds: is(30),
  enableServiceLinks: is(true),
  containers: each(container),
  initContainers: each(container),
  volumes: each(volume),
};
const template = fields({ metadata: fields({ labels: is({}) }), spec: fields(podSpec) });

/** What admission plugins set in each Pod (kubernetes plugin/pkg/admission: defaulttolerationseconds, priority, serviceaccount). */
const tolerationFor = (key: string) => ({
  key,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
});
const admitted = {
  tolerations: is([
    tolerationFor('node.kubernetes.io/not-ready'),
    tolerationFor('node.kubernetes.io/unreachable'),
  ]),
  priority: is(0),
  preemptionPolicy: is('PreemptLowerPriority'),
  serviceAccountName: is('default'),
};

const jobSpec = {
  backoffLimit: is(6),
  completions: is(1),
  parallelism: is(1),
  completionMode: is('NonIndexed'),
  podReplacementPolicy: is('TerminatingOrFailed'),
  suspend: is(false),
  manualSelector: is(false),
  template,
};

const specs: Readonly<Record<WorkloadKind, Defaults>> = {
  Pod: fields({ ...podSpec, ...admitted }),
  Deployment: fields({
    progressDeadlineSeconds: is(600),
    revisionHistoryLimit: is(10),
    strategy: is({ type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } }),
    template,
  }),
  StatefulSet: fields({
    podManagementPolicy: is('OrderedReady'),
    revisionHistoryLimit: is(10),
    updateStrategy: is({ type: 'RollingUpdate', rollingUpdate: { partition: 0 } }),
    persistentVolumeClaimRetentionPolicy: is({ whenDeleted: 'Retain', whenScaled: 'Retain' }),
    volumeClaimTemplates: each({
      status: is({ phase: 'Pending' }),
      spec: fields({ volumeMode: is('Filesystem') }),
    }),
    template,
  }),
  DaemonSet: fields({
    revisionHistoryLimit: is(10),
    updateStrategy: is({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }),
    template,
  }),
  CronJob: fields({
    concurrencyPolicy: is('Allow'),
    suspend: is(false),
    successfulJobsHistoryLimit: is(3),
    failedJobsHistoryLimit: is(1),
    jobTemplate: fields({ metadata: is({}), spec: fields(jobSpec) }),
  }),
  Job: fields(jobSpec),
  ReplicaSet: fields({ template }),
  ReplicationController: fields({ template }),
};

/** A workload's spec without the fields that have the API server's default. */
export const withoutDefaults = (kind: WorkloadKind, spec: unknown): unknown => strip(spec, specs[kind]);

function strip(value: unknown, defaults: Defaults): unknown {
  if ('is' in defaults) return isDeepStrictEqual(value, defaults.is) ? undefined : value;
  if ('each' in defaults) {
    return Array.isArray(value) ? value.map((item) => strip(item, defaults.each) ?? {}) : value;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const own = Object.entries(value).map(([name, item]) => {
    const of = Object.hasOwn(defaults.fields, name) ? defaults.fields[name] : undefined;
    return [name, of === undefined ? item : strip(item, of)] as const;
  });
  return withoutAccount(Object.fromEntries(own.filter(([, item]) => item !== undefined)));
}

/** The API server writes a pod's ServiceAccount in both spellings. */
function withoutAccount(object: Record<string, unknown>): Record<string, unknown> {
  const { serviceAccount, ...rest } = object;
  const isCopy = serviceAccount === 'default' || serviceAccount === rest['serviceAccountName'];
  return serviceAccount === undefined || !isCopy ? object : rest;
}
