import { type Pod, podTemplateSchema } from './pod.ts';
import { type KindWithPods, templatePointer } from './walk.ts';

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
