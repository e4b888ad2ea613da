import { z } from 'zod';
import { podSpecPointers, templateOf } from '../pin/pod-template.ts';
import { walk } from '../pin/walk.ts';
import { PINS } from '../revision/pins.ts';
import type { AuditedImage } from './audited-image.ts';
import { apiVersionOf, type WorkloadKind, workloadKinds } from './workload.ts';

/** A workload's manifest with its images by digest, and remarks for the reader. */
export interface Fix {
  /** Undefined if nothing could be changed. */
  manifest: Readonly<Record<string, unknown>> | undefined;
  remarks: readonly string[];
}

/** Whether an image needs to be written differently. */
export function needsFix({ image, use, findings }: AuditedImage): boolean {
  const isOther = use !== undefined && use !== image;
  return findings.some(
    ({ kind }) => kind === 'always' || ((kind === 'unpinned' || kind === 'gone') && isOther),
  );
}

/**
 * The manifest of a workload with the images that need it by digest, and no longer pulled at each start. Fields that the
 * API server and controllers wrote are left out, so that it can be applied.
 *
 * @param object as the API server returns it
 */
export function fix(
  kind: WorkloadKind,
  object: unknown,
  images: readonly AuditedImage[],
  { pullPolicy }: { pullPolicy: 'IfNotPresent' | 'keep' },
): Fix {
  const template = templateOf(kind, object);
  const fields = template === undefined ? [] : walk(template.spec, podSpecPointers[kind]);
  const remarks: string[] = [];
  let fixed: unknown = object;
  let isChanged = false;
  // If pods run different images, the newest decide, because the rollout moves towards theirs.
  const newestLast = images.filter(needsFix).toSorted((a, b) => (a.newest < b.newest ? -1 : 1));
  for (const { place, container, image, use, managedBy, findings } of newestLast) {
    const field = fields.find((one) => one.place === place && one.name === container && one.image === image);
    if (managedBy?.startsWith('node/')) {
      remarks.push(
        `${managedBy} made it from a file of its own: write ${use ?? image} for ${container} there`,
      );
      continue;
    }
    if (managedBy !== undefined) remarks.push(`${managedBy} made it and may put it back: write it there`);
    if (field === undefined) {
      remarks.push(`${place} "${container}" with ${image} isn't in its template: tell whatever adds it`);
      continue;
    }
    const written = use ?? image;
    fixed = replaceAt(fixed, field.pointer, written);
    if (pullPolicy !== 'keep' && field.pullPolicy === 'Always') {
      fixed = replaceAt(fixed, field.policyPointer, 'IfNotPresent');
    }
    isChanged = true;
    const why = findings.map(({ message }) => message).join('; ');
    remarks.push(`${container}: ${written === image ? image : `${image} becomes ${written}`} (${why})`);
  }
  const immutable = isChanged ? immutableKinds[kind] : undefined;
  return {
    manifest: isChanged ? manifestOf(kind, fixed) : undefined,
    remarks: [...new Set([...remarks, ...(immutable === undefined ? [] : [immutable])])],
  };
}

/** Kinds that can't be changed in place (kubernetes pkg/apis/core/validation, `ValidatePodUpdate`; pkg/apis/batch/validation). */
const immutableKinds: Partial<Record<WorkloadKind, string>> = {
  Pod: "a pod's pull policy can't be changed: kubectl replace --force",
  Job: "a Job's template can't be changed: kubectl replace --force",
  ReplicaSet: 'only its new pods have it: delete the old ones',
  ReplicationController: 'only its new pods have it: delete the old ones',
};

const record = z.record(z.string(), z.unknown());

/** The value with the part at a JSON pointer replaced. */
function replaceAt(value: unknown, pointer: string, by: unknown): unknown {
  if (pointer === '') return by;
  const [, head = '', rest = ''] = /^\/([^/]*)(.*)$/s.exec(pointer) ?? [];
  if (Array.isArray(value)) {
    return value.map((item, index) => (String(index) === head ? replaceAt(item, rest, by) : item));
  }
  const object = record.safeParse(value);
  if (!object.success) return value;
  return { ...object.data, [head]: replaceAt(object.data[head], rest, by) };
}

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
  name === 'kubectl.kubernetes.io/last-applied-configuration' ||
  name.startsWith('deployment.kubernetes.io/') ||
  name.startsWith('deprecated.daemonset.template.generation') ||
  name.startsWith('batch.kubernetes.io/') ||
  name === 'tagpin.dev/images' ||
  name.startsWith(PINS);

/** The manifest of an object, without the fields that only the API server and controllers write. */
export function manifestOf(kind: WorkloadKind, object: unknown): Record<string, unknown> | undefined {
  const parsed = objectSchema.safeParse(object);
  if (!parsed.success) return undefined;
  const { metadata, spec } = parsed.data;
  const { name, namespace, labels, annotations } = metadata;
  const own = Object.entries(annotations ?? {}).filter(([key]) => !foreign(key));
  const manifest = {
    apiVersion: apiVersionOf(workloadKinds[kind]),
    kind,
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
