import { z } from 'zod';
import { PINS } from '../revision/pins.ts';
import { apiVersionOf, type WorkloadKind, workloadKinds } from './workload.ts';

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

/** What controllers, kubectl and tagpin itself write, each for their own use. */
const foreign = (name: string) =>
  name === 'kubectl.kubernetes.io/last-applied-configuration' ||
  name.startsWith('deployment.kubernetes.io/') ||
  name.startsWith('deprecated.daemonset.template.generation') ||
  name.startsWith('batch.kubernetes.io/') ||
  name === 'tagpin.dev/images' ||
  name.startsWith(PINS);

/** The manifest that makes such an object: what only the API server and controllers write is left out. */
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

const record = z.record(z.string(), z.unknown());

function specOf(kind: WorkloadKind, spec: unknown): unknown {
  if (kind === 'Pod') return podSpecOf(spec);
  return kind === 'Job' ? jobSpecOf(spec) : spec;
}

/** What the API server adds at CREATE (kubernetes plugin/pkg/admission/serviceaccount), and the node it was given. */
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

/** A Job's selector and the labels for it are its own uid's (kubernetes pkg/registry/batch/job/strategy.go). */
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

/** Go writes a time that isn't set as `null`. */
function withoutEmptyTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyTimes);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, item]) => !(name === 'creationTimestamp' && item === null))
      .map(([name, item]) => [name, withoutEmptyTimes(item)]),
  );
}
