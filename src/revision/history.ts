import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { type KubernetesApi, objectMetadata } from '../kubernetes/api.ts';
import { rawTemplateOf } from '../pin/pod-template.ts';
import { hashOf, type RevisionKind, revisionKinds } from './kinds.ts';
import { type Pins, readPins } from './pins.ts';
import { labelSelector } from './selector.ts';

/** The kind of a workload's revisions, for workloads that have more than one. */
const historyOf = {
  Deployment: 'ReplicaSet',
  StatefulSet: 'ControllerRevision',
  DaemonSet: 'ControllerRevision',
} as const satisfies Record<string, RevisionKind>;
export type KindWithHistory = keyof typeof historyOf;

export const hasHistory = (kind: string): kind is KindWithHistory => Object.hasOwn(historyOf, kind);

const workloadSchema = z.object({
  metadata: z.object({ uid: z.string().min(1) }),
  spec: z.object({
    selector: z.object({ matchLabels: z.record(z.string(), z.string()).nullish() }).nullish(),
  }),
});

const revisionSchema = z.looseObject({ metadata: objectMetadata });

/**
 * The stored pins of the revision that a workload goes back to, by `rollout undo` or because its old template was applied again;
 * undefined if it is a new one. Controllers know their revisions by the template (kubernetes
 * pkg/controller/deployment/util/deployment_util.go, `EqualIgnoreHash`; pkg/controller/history, `EqualRevision`).
 *
 * @param workload as it will be after the update
 * @throws KubernetesError
 */
export async function earlierPins(
  api: Pick<KubernetesApi, 'list'>,
  kind: KindWithHistory,
  namespace: string,
  workload: unknown,
  signal: AbortSignal,
): Promise<Pins | undefined> {
  const parsed = workloadSchema.safeParse(workload);
  if (!parsed.success) return undefined;
  const { metadata, spec } = parsed.data;
  const revisionKind = historyOf[kind];
  const { resource } = revisionKinds[revisionKind];
  const selector = labelSelector(spec.selector?.matchLabels ?? {});
  const options = selector === undefined ? {} : { labelSelector: selector };
  const wanted = comparableTemplate(rawTemplateOf(kind, workload));
  for await (const revision of api.list(resource, namespace, revisionSchema, signal, options)) {
    const { annotations, labels, ownerReferences } = revision.metadata;
    if (!ownerReferences?.some(({ uid, controller }) => controller === true && uid === metadata.uid))
      continue;
    if (!isDeepStrictEqual(comparableTemplate(rawTemplateOf(revisionKind, revision)), wanted)) continue;
    return readPins(annotations, hashOf(revisionKind, labels));
  }
  return undefined;
}

const templateSchema = z.looseObject({
  metadata: z.looseObject({ labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});

/** A template without what a controller adds to it. */
function comparableTemplate(template: unknown): unknown {
  const parsed = templateSchema.safeParse(template);
  if (!parsed.success) return template;
  const { $patch: _, metadata, ...rest } = parsed.data;
  const { creationTimestamp: __, labels, ...others } = metadata ?? {};
  const { 'pod-template-hash': ___, ...own } = labels ?? {};
  return { ...rest, metadata: { ...others, labels: own } };
}
