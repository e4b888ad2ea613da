import { z } from 'zod';
import { podSpecPointers, templateOf } from '../pin/pod-template.ts';
import { walk } from '../pin/walk.ts';
import type { AuditedImage } from './audit.ts';
import { manifestOf } from './manifest.ts';
import type { WorkloadKind } from './workload.ts';

/** A workload's manifest with its images by digest, and what is to be said of it. */
export interface Fix {
  /** Undefined where nothing of it could be changed. */
  manifest: Readonly<Record<string, unknown>> | undefined;
  remarks: readonly string[];
}

/** Whether there is something to be written differently. */
export function needsFix({ image, use, findings }: AuditedImage): boolean {
  const isOther = use !== undefined && use !== image;
  return findings.some(
    ({ kind }) => kind === 'always' || ((kind === 'unpinned' || kind === 'gone') && isOther),
  );
}

/**
 * The manifest of a workload with the images that need it by digest, and no longer pulled at each start. Nothing that
 * the API server or a controller has written into it stays, so that it can be applied.
 *
 * @param object as the API server has it
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
  // Of pods that run different images, the newest count: theirs is what the rollout is coming to.
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

/** What can't be changed in place (kubernetes pkg/apis/core/validation, `ValidatePodUpdate`; pkg/apis/batch/validation). */
const immutableKinds: Partial<Record<WorkloadKind, string>> = {
  Pod: "a pod's pull policy can't be changed: kubectl replace --force",
  Job: "a Job's template can't be changed: kubectl replace --force",
  ReplicaSet: 'only its new pods have it: delete the old ones',
  ReplicationController: 'only its new pods have it: delete the old ones',
};

const record = z.record(z.string(), z.unknown());

/** The value with another one at a JSON pointer. */
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
