import { z } from 'zod';
import { PINS } from '../revision/pins.ts';
import { withoutDefaults } from './defaults.ts';
import { LAST_APPLIED, lastApplied, projected } from './last-applied.ts';
import { including, replaceAt } from './pointer.ts';
import { apiVersionOf, type WorkloadKind, workloadKinds } from './workload.ts';

/** A new value at a JSON pointer. */
export interface Change {
  pointer: string;
  value: string;
}

const record = z.record(z.string(), z.unknown());
const strings = z.record(z.string(), z.string()).nullish();
const metadataSchema = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  labels: strings,
  annotations: strings,
});
const named = z.looseObject({ name: z.string().default('') });
const podSpecSchema = z.looseObject({
  containers: z.array(z.looseObject({ volumeMounts: z.array(named).optional() })).default([]),
  initContainers: z.array(z.looseObject({ volumeMounts: z.array(named).optional() })).optional(),
  volumes: z.array(named).optional(),
});
const jobSpecSchema = z.looseObject({
  manualSelector: z.boolean().nullish(),
  template: z.looseObject({ metadata: z.looseObject({ labels: strings }).nullish() }),
});
const objectSchema = z.looseObject({ metadata: metadataSchema, spec: z.unknown() });

/** Annotations that controllers, kubectl and tagpin write for themselves. */
const foreign = (name: string) =>
  name === LAST_APPLIED ||
  name.startsWith('deployment.kubernetes.io/') ||
  name.startsWith('deprecated.daemonset.template.generation') ||
  name.startsWith('batch.kubernetes.io/') ||
  name === 'tagpin.dev/images' ||
  name.startsWith(PINS);

/**
 * The manifest of an object with changes, which changes nothing else where it is applied: the fields that were last applied,
 * if `kubectl apply` made it; else all that aren't the API server's own or its defaults.
 *
 * @param isReplaced whether the object is to be deleted and made anew: then it needs all of them
 */
export function manifestOf(
  kind: WorkloadKind,
  object: unknown,
  changes: readonly Change[],
  { isReplaced }: { isReplaced: boolean },
): Record<string, unknown> | undefined {
  const parsed = objectSchema.safeParse(object);
  if (!parsed.success) return undefined;
  const applied = isReplaced ? undefined : lastApplied(parsed.data.metadata.annotations);
  if (applied === undefined) {
    const { spec, ...rest } = parsed.data;
    const changed = objectSchema.parse(changedBy({ ...rest, spec: withoutDefaults(kind, spec) }, changes));
    return ownManifest(kind, changed);
  }
  const live = changedBy(object, changes);
  const written = changes.reduce<unknown>((all, { pointer }) => including(all, live, pointer), {
    metadata: applied.metadata,
    spec: applied.spec,
  });
  return record.parse({ ...identityOf(kind), ...record.parse(projected(live, written)) });
}

const identityOf = (kind: WorkloadKind) => ({ apiVersion: apiVersionOf(workloadKinds[kind]), kind });

const changedBy = (object: unknown, changes: readonly Change[]) =>
  changes.reduce<unknown>((changed, { pointer, value }) => replaceAt(changed, pointer, value), object);

/** The manifest of an object, without the fields that only the API server and controllers write. */
function ownManifest(kind: WorkloadKind, object: z.infer<typeof objectSchema>): Record<string, unknown> {
  const { metadata, spec } = object;
  const { name, namespace, labels, annotations } = metadata;
  const own = Object.entries(annotations ?? {}).filter(([key]) => !foreign(key));
  const manifest = {
    ...identityOf(kind),
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels: kind === 'Job' ? withoutJobLabels(labels) : labels }),
      ...(own.length > 0 && { annotations: Object.fromEntries(own) }),
    },
    spec: specOf(kind, spec),
  };
  return record.parse(withoutEmptyTimes(manifest));
}

function specOf(kind: WorkloadKind, spec: unknown): unknown {
  if (kind === 'Pod') return podSpecOf(spec);
  return kind === 'Job' ? jobSpecOf(spec) : spec;
}

/** Without what the API server adds at CREATE (kubernetes plugin/pkg/admission/serviceaccount), and without the node. */
function podSpecOf(spec: unknown): unknown {
  const parsed = podSpecSchema.safeParse(spec);
  if (!parsed.success) return spec;
  const { nodeName: _, ephemeralContainers: __, containers, initContainers, volumes, ...rest } = parsed.data;
  const isOwn = ({ name }: { name: string }) => !name.startsWith('kube-api-access-');
  const withOwnMounts = <T extends { volumeMounts?: { name: string }[] | undefined }>(container: T) => {
    const { volumeMounts, ...others } = container;
    const mounts = volumeMounts?.filter(isOwn) ?? [];
    return { ...others, ...(mounts.length > 0 && { volumeMounts: mounts }) };
  };
  const ownVolumes = volumes?.filter(isOwn) ?? [];
  return {
    ...rest,
    ...(initContainers && { initContainers: initContainers.map(withOwnMounts) }),
    containers: containers.map(withOwnMounts),
    ...(ownVolumes.length > 0 && { volumes: ownVolumes }),
  };
}

/** Without a Job's selector and its labels, which contain its uid (kubernetes pkg/registry/batch/job/strategy.go). */
function jobSpecOf(spec: unknown): unknown {
  const parsed = jobSpecSchema.safeParse(spec);
  if (!parsed.success || parsed.data.manualSelector) return spec;
  const { selector: _, template, ...rest } = parsed.data;
  const { metadata, ...others } = template;
  const labels = withoutJobLabels(metadata?.labels ?? {});
  return { ...rest, template: { ...others, metadata: { ...metadata, labels } } };
}

function withoutJobLabels(labels: Readonly<Record<string, string>>) {
  const isGenerated = (name: string) => /^(batch\.kubernetes\.io\/)?(controller-uid|job-name)$/.test(name);
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !isGenerated(name)));
}

/** Go marshals a time that isn't set as `null`. */
function withoutEmptyTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyTimes);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, item]) => !(name === 'creationTimestamp' && item === null))
      .map(([name, item]) => [name, withoutEmptyTimes(item)]),
  );
}
