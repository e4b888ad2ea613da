import { podSpecPointers, templateOf } from '../pin/pod-template.ts';
import { walk } from '../pin/walk.ts';
import type { AuditedImage } from './audited-image.ts';
import { type Change, manifestOf } from './manifest.ts';
import type { WorkloadKind } from './workload.ts';

/** A workload's manifest with its images by digest, and remarks for the reader. */
export interface Fix {
  /** Undefined if nothing could be changed. */
  manifest: Readonly<Record<string, unknown>> | undefined;
  /** Whether the object has to be replaced, because the API server refuses such a change. */
  isReplaced: boolean;
  remarks: readonly string[];
}

/** How a remark starts that a person must not miss. */
export const WARNING = 'warning: ';

/** Whether an image needs to be written differently. */
export function needsFix({ image, use, findings }: AuditedImage): boolean {
  const isOther = use !== undefined && use !== image;
  return findings.some(
    ({ kind }) => kind === 'always' || ((kind === 'unpinned' || kind === 'gone') && isOther),
  );
}

/**
 * The manifest of a workload with the images that need it by digest, and no longer pulled at each start. `kubectl apply`
 * takes it and changes nothing else.
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
  const changes: Change[] = [];
  // If pods run different images, the newest decide, because the rollout moves towards theirs.
  const newestLast = images.filter(needsFix).toSorted((a, b) => (a.newest < b.newest ? -1 : 1));
  for (const { place, container, image, use, managedBy, findings, unknown } of newestLast) {
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
    changes.push({ pointer: field.pointer, value: written });
    if (pullPolicy !== 'keep' && field.pullPolicy === 'Always') {
      changes.push({ pointer: field.policyPointer, value: 'IfNotPresent' });
    }
    const why = findings.map(({ message }) => message).join('; ');
    if (unknown !== undefined) remarks.push(`${WARNING}${container}: ${unknown}`);
    remarks.push(`${container}: ${written === image ? image : `${image} becomes ${written}`} (${why})`);
  }
  if (changes.length === 0) return { manifest: undefined, isReplaced: false, remarks: [...new Set(remarks)] };
  const isReplaced = replacedKinds.has(kind);
  const hint = hints[kind];
  return {
    manifest: manifestOf(kind, object, changes, { isReplaced }),
    isReplaced,
    remarks: [...new Set([...remarks, ...(hint === undefined ? [] : [hint])])],
  };
}

/**
 * Kinds that can't be changed in place (kubernetes pkg/apis/core/validation, `ValidatePodUpdate`; pkg/apis/batch/validation).
 * A pod's image alone could be, but not its pull policy.
 */
const replacedKinds: ReadonlySet<WorkloadKind> = new Set<WorkloadKind>(['Pod', 'Job']);

const hints: Partial<Record<WorkloadKind, string>> = {
  Pod: "a pod's pull policy can't be changed: kubectl replace --force",
  Job: "a Job's template can't be changed: kubectl replace --force",
  ReplicaSet: 'only its new pods have it: delete the old ones',
  ReplicationController: 'only its new pods have it: delete the old ones',
};
