import { z } from 'zod';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { resources } from '../kubernetes/resources.ts';
import { selector as labelSelectorSchema, meets } from '../kubernetes/selector.ts';
import { ownerReferenceSchema, type Pod } from '../pin/pod.ts';
import type { RevisionKind } from './kinds.ts';
import { membershipOf, REVISION_LABEL } from './membership.ts';
import { type PodRevision, UnreadableRevision } from './pod-revision.ts';
import { MAX_PODS, PAGE_SIZE } from './revision-digests.ts';
import { isDone, type RunningPod, runningPodSchema } from './running-pod.ts';
import { labelSelector, setSelector } from './selector.ts';
import { evidenceIn, type SiblingEvidence } from './sibling-pods.ts';

const labels = z.record(z.string(), z.string()).nullish();

const revisionSchema = z.object({
  metadata: z.object({
    name: z.string().nullish(),
    /** There is none at CREATE. */
    uid: z.string().nullish(),
    labels,
    ownerReferences: z.array(ownerReferenceSchema).nullish(),
  }),
  spec: z.object({ selector: labelSelectorSchema.nullish() }).nullish(),
});
type Revision = z.infer<typeof revisionSchema>;

/** How pods are listed. */
export interface PodReads {
  /** Lists of one object at most. */
  probes: Pick<KubernetesApi, 'list'>;
  kubernetes: Pick<KubernetesApi, 'list'>;
}

/**
 * What the pods that a revision finds already show of its digests. A revision that is made has pods if it was deleted without
 * them (`--cascade=orphan`), or if a ControllerRevision was deleted by hand: its controller makes it again, and adopts the
 * pods. They are those that the controller would adopt: without a controller, selected, and alive (kubernetes
 * pkg/controller/controller_ref_manager.go). There are none, as a rule, and then one small request says so.
 *
 * @param object the revision as it is sent
 * @param template its pod template
 */
export function existingRevision(
  reads: PodReads,
  kind: RevisionKind,
  namespace: string,
  object: unknown,
  template: Pod,
): PodRevision {
  let evidence: Promise<SiblingEvidence> | undefined;
  return {
    async find(image, signal) {
      try {
        evidence ??= readPods(reads, kind, namespace, object, template, signal).then(evidenceIn);
        const { pinned, reported } = await evidence;
        const digest = pinned.get(image);
        return digest === undefined
          ? { lacked: false, reported: reported.get(image), agree: () => undefined }
          : { lacked: false, digest, source: 'sibling' };
      } catch (error) {
        throw error instanceof KubernetesError ? new UnreadableRevision(error) : error;
      }
    },
  };
}

async function readPods(
  { probes, kubernetes }: PodReads,
  kind: RevisionKind,
  namespace: string,
  object: unknown,
  template: Pod,
  signal: AbortSignal,
): Promise<RunningPod[]> {
  const parsed = revisionSchema.safeParse(object);
  const query = parsed.success ? queryOf(kind, parsed.data, template) : undefined;
  if (!parsed.success || query === undefined) return [];
  if (!(await areThere(probes, namespace, query, signal))) return [];
  const options = { labelSelector: query, pageSize: PAGE_SIZE };
  const pods: RunningPod[] = [];
  let count = 0;
  for await (const pod of kubernetes.list(resources.Pod, namespace, runningPodSchema, signal, options)) {
    if (isOf(kind, namespace, parsed.data, template, pod)) pods.push(pod);
    if (++count === MAX_PODS) break;
  }
  return pods;
}

/** Whether a selector selects any pod. */
async function areThere(
  { list }: PodReads['probes'],
  namespace: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<boolean> {
  const options = { labelSelector, pageSize: 1, metadataOnly: true };
  for await (const _ of list(resources.Pod, namespace, z.unknown(), signal, options)) return true;
  return false;
}

/** Characters of a selector as JSON. Nobody has validated it yet, and each pod is compared with all of it. */
const LARGEST_SELECTOR = 10_000;

/** Selects the pods that may be of a revision; undefined if nothing does. */
function queryOf(kind: RevisionKind, { metadata, spec }: Revision, template: Pod): string | undefined {
  if (kind === 'ControllerRevision') return setSelector(REVISION_LABEL, revisionLabels(metadata));
  const { selector } = spec ?? {};
  if (!selector || JSON.stringify(selector).length > LARGEST_SELECTOR) return undefined;
  return labelSelector(selector.matchLabels ?? {}) ?? labelSelector(template.metadata.labels ?? {});
}

/** What the label of a ControllerRevision's pods may be: its name, or what that has after its owner's. */
function revisionLabels({ name, ownerReferences }: Revision['metadata']): string[] {
  const owner = controllerOf(ownerReferences)?.name;
  if (!name || owner === undefined) return [];
  return [name, ...(name.startsWith(`${owner}-`) ? [name.slice(owner.length + 1)] : [])];
}

function isOf(
  kind: RevisionKind,
  namespace: string,
  { metadata, spec }: Revision,
  template: Pod,
  pod: RunningPod,
): boolean {
  const controller = controllerOf(pod.metadata.ownerReferences);
  const podLabels = pod.metadata.labels ?? {};
  if (kind === 'ControllerRevision') {
    return controller === undefined
      ? !isDone(pod) && meets({ matchLabels: template.metadata.labels }, podLabels)
      : controller.uid === controllerOf(metadata.ownerReferences)?.uid &&
          membershipOf(namespace, pod.metadata)?.stored?.name === metadata.name;
  }
  return controller === undefined
    ? !isDone(pod) && meets(spec?.selector ?? {}, podLabels)
    : controller.uid === metadata.uid;
}

const controllerOf = (references: Revision['metadata']['ownerReferences']) =>
  references?.find(({ controller }) => controller === true);
