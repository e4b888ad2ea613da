import { type Pod, podTemplateSchema } from './pod.ts';

/** Where the pod spec is in each kind that has one, as a JSON pointer. */
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
  /** Those of StatefulSets and DaemonSets; of another's, there may be nothing there. */
  ControllerRevision: '/data/spec/template/spec',
} as const;
export type KindWithPods = keyof typeof podSpecPointers;

/** The API groups of each, those of before Kubernetes 1.16 included: old manifests still have them. */
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

/** Whether an object of this group and kind has a pod spec where {@link podSpecPointers} says. */
export function isKindWithPods(group: string, kind: string): kind is KindWithPods {
  return isName(kind) && groups[kind].includes(group);
}

const isName = (kind: string): kind is KindWithPods => Object.hasOwn(podSpecPointers, kind);

/** Where the pod template is, as a JSON pointer; of a Pod, the pod itself. */
export const templatePointer = (kind: KindWithPods) => podSpecPointers[kind].slice(0, -'/spec'.length);

/**
 * The pod template in an object of such a kind; undefined where there is none, or nothing that could be one. The API
 * server judges that, nobody else.
 */
export function templateOf(kind: KindWithPods, object: unknown): Pod | undefined {
  const pod = podTemplateSchema.safeParse(rawTemplateOf(kind, object));
  return pod.success ? pod.data : undefined;
}

/** The same as it is there, with all that tagpin has no eye for. */
export function rawTemplateOf(kind: KindWithPods, object: unknown): unknown {
  const segments = templatePointer(kind).split('/').slice(1);
  return segments.reduce<unknown>((value, segment) => memberOf(value, segment), object);
}

function memberOf(value: unknown, name: string): unknown {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(name);
}
