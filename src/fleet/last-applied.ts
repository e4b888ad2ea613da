import { z } from 'zod';
import { parseJson } from '../json.ts';

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

const object = z.record(z.string(), z.unknown());
const strings = z.record(z.string(), z.unknown()).nullish();
/** Of its metadata, only what a person writes: what is applied may be an export, with a uid and times. */
const manifest = z.looseObject({
  kind: z.string(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string().optional(),
    labels: strings,
    annotations: strings,
  }),
  spec: object,
});

/** What `kubectl apply` was last given for an object; undefined if it wasn't, or if that can't be read. */
export function lastApplied(annotations: Readonly<Record<string, string>> | null | undefined) {
  const parsed = manifest.safeParse(parseJson(annotations?.[LAST_APPLIED] ?? ''));
  return parsed.success ? parsed.data : undefined;
}

/**
 * The live values of the fields that somebody wrote. Applied, that changes nothing, and takes no field away, as a manifest
 * with less than was applied before would.
 */
export function projected(live: unknown, written: unknown): unknown {
  if (Array.isArray(written)) return Array.isArray(live) ? projectedList(live, written) : live;
  const [from, of] = [object.safeParse(live), object.safeParse(written)];
  if (!from.success || !of.success) return live;
  const names = Object.keys(of.data).filter((name) => (from.data[name] ?? null) !== null);
  return Object.fromEntries(names.map((name) => [name, projected(from.data[name], of.data[name])]));
}

/** The fields by which lists are merged (`patchMergeKey` in kubernetes/api core/v1/types.go). */
const KEYS = ['name', 'mountPath', 'containerPort', 'port', 'devicePath', 'ip', 'topologyKey'];

function projectedList(live: readonly unknown[], written: readonly unknown[]): unknown {
  const key = KEYS.find((name) => [...live, ...written].every((item) => keyOf(item, name) !== undefined));
  if (key === undefined) {
    const isAlike = live.length === written.length;
    return isAlike ? live.map((item, index) => projected(item, written[index])) : live;
  }
  return live.flatMap((item) => {
    const own = written.find((one) => keyOf(one, key) === keyOf(item, key));
    return own === undefined ? [] : [projected(item, own)];
  });
}

function keyOf(item: unknown, name: string): unknown {
  const parsed = object.safeParse(item);
  return parsed.success ? parsed.data[name] : undefined;
}
