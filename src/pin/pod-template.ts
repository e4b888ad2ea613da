import { type Pod, podTemplateSchema } from './pod.ts';

/** The JSON pointer of the pod spec in each kind that has one. */
export const podSpecPointers = {
  Pod: '/spec',
  PodTemplate: '/template/spec',
  ReplicationController: '/spec/template/spec',
  ReplicaSet: '/spec/template/spec',
  Deployment: '/spec/template/spec',
  StatefulSet: '/spec/template/spec',
  DaemonSet: '/spec/template/spec',
  Job: '/spec/template/spec',
  CronJob: '/spec/jobTemplate/spec/template/spec',
  /** A ControllerRevision of a StatefulSet or DaemonSet; that of another controller may hold anything. */
  ControllerRevision: '/data/spec/template/spec',
} as const;
export type KindWithPods = keyof typeof podSpecPointers;

/** The API groups of each kind, including those from before Kubernetes 1.16, which old manifests still have. */
const groups: Readonly<Record<KindWithPods, readonly string[]>> = {
  Pod: [''],
  PodTemplate: [''],
  ReplicationController: [''],
  ReplicaSet: ['apps', 'extensions'],
  Deployment: ['apps', 'extensions'],
  StatefulSet: ['apps'],
  DaemonSet: ['apps', 'extensions'],
  Job: ['batch'],
  CronJob: ['batch'],
  ControllerRevision: ['apps'],
};

/** Whether objects of this group and kind have a pod spec; see {@link podSpecPointers}. */
export function isKindWithPods(group: string, kind: string): kind is KindWithPods {
  return isName(kind) && groups[kind].includes(group);
}

const isName = (kind: string): kind is KindWithPods => Object.hasOwn(podSpecPointers, kind);

/** The JSON pointer of the pod template; for a Pod, of the pod itself. */
export const templatePointer = (kind: KindWithPods) => podSpecPointers[kind].slice(0, -'/spec'.length);

/**
 * The pod template in an object; undefined if there is none, or if it is invalid, which the API server reports.
 */
export function templateOf(kind: KindWithPods, object: unknown): Pod | undefined {
  const pod = podTemplateSchema.safeParse(rawTemplateOf(kind, object));
  return pod.success ? pod.data : undefined;
}

/** The pod template as it is, with the fields that tagpin doesn't read. */
export function rawTemplateOf(kind: KindWithPods, object: unknown): unknown {
  const segments = templatePointer(kind).split('/').slice(1);
  return segments.reduce<unknown>((value, segment) => memberOf(value, segment), object);
}

function memberOf(value: unknown, name: string): unknown {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(name);
}
