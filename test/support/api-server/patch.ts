import { applyJsonPatch, JsonPatchError, jsonPatch } from '../json-patch.ts';
import { badRequest, unfitPatch, unsupportedMediaType } from './status.ts';

/** Returns the object, patched as the media type of the patch says. */
export function patched(object: unknown, patch: unknown, mediaType: string | undefined): unknown {
  switch (mediaType) {
    case 'application/json-patch+json':
      return jsonPatched(object, patch);
    case 'application/merge-patch+json':
      return merged(object, patch);
    case 'application/strategic-merge-patch+json':
      return mergedByName(object, patch);
    default:
      throw unsupportedMediaType();
  }
}

function jsonPatched(object: unknown, patch: unknown): unknown {
  const operations = jsonPatch.safeParse(patch);
  if (!operations.success) throw badRequest(`error decoding patch: ${operations.error.message}`);
  try {
    return applyJsonPatch(object, operations.data);
  } catch (error) {
    if (error instanceof JsonPatchError) throw unfitPatch();
    throw error;
  }
}

type MergeList = (current: unknown, patch: readonly unknown[]) => unknown;

/** RFC 7386. */
function merged(current: unknown, patch: unknown, mergeList: MergeList = (_, list) => list): unknown {
  if (Array.isArray(patch)) return mergeList(current, patch);
  if (!isObject(patch)) return patch;
  const result = new Map(Object.entries(isObject(current) ? current : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, merged(result.get(key), value, mergeList));
  }
  return Object.fromEntries(result);
}

/**
 * Strategic merge, approximately: without the schema's merge keys, a list of objects that all have a `name` is
 * merged by name (true of containers, volumes, env, imagePullSecrets, webhooks), with `$patch: delete` for a member;
 * any other list is replaced. Lists with other merge keys (ports, ownerReferences) come out replaced.
 */
function mergedByName(current: unknown, patch: unknown): unknown {
  return merged(current, patch, (list, changes) => {
    if (!Array.isArray(list) || ![...list, ...changes].every(isNamed)) return changes;
    const members = new Map(list.filter(isNamed).map((member) => [member.name, member]));
    for (const change of changes.filter(isNamed)) {
      if (change['$patch'] === 'delete') members.delete(change.name);
      else members.set(change.name, named(change.name, mergedByName(members.get(change.name), change)));
    }
    return [...members.values()];
  });
}

type Named = Record<string, unknown> & { name: string };

function named(name: string, merged: unknown): Named {
  return { ...(isObject(merged) ? merged : {}), name };
}

function isNamed(value: unknown): value is Named {
  return isObject(value) && typeof value['name'] === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
