import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

/** The operations of RFC 6902 that admission webhooks use, without `move` and `copy`. */
const operation = z.discriminatedUnion('op', [
  z.object({ op: z.literal('add'), path: z.string(), value: z.json() }),
  z.object({ op: z.literal('replace'), path: z.string(), value: z.json() }),
  z.object({ op: z.literal('test'), path: z.string(), value: z.json() }),
  z.object({ op: z.literal('remove'), path: z.string() }),
]);

export const jsonPatch = z.array(operation);
export type JsonPatchOperation = z.infer<typeof operation>;

/** A patch that doesn't fit its document. */
export class JsonPatchError extends Error {
  constructor({ op, path }: JsonPatchOperation, reason: string) {
    super(`${op} ${path}: ${reason}`);
    this.name = 'JsonPatchError';
  }
}

/**
 * Returns the document with the patch applied, without changing its argument. As strict as RFC 6902: only `add` creates a
 * member, nothing creates a parent, and an index must be inside its array.
 */
export function applyJsonPatch(document: unknown, patch: readonly JsonPatchOperation[]): unknown {
  return patch.reduce(applyOne, structuredClone(document));
}

function applyOne(document: unknown, operation: JsonPatchOperation): unknown {
  const root = { '': document };
  const path = ['', ...keysOf(operation)];
  const key = path.pop() ?? '';
  let parent: unknown = root;
  for (const step of path) {
    parent = member(parent, step);
    if (parent === undefined)
      throw new JsonPatchError(operation, `there is no parent ${JSON.stringify(step)}`);
  }
  if (Array.isArray(parent)) applyToArray(parent, key, operation);
  else if (isObject(parent)) applyToObject(parent, key, operation);
  else throw new JsonPatchError(operation, 'the parent is neither an object nor an array');
  return root[''];
}

function applyToObject(parent: Record<string, unknown>, key: string, operation: JsonPatchOperation): void {
  if (operation.op !== 'add' && !Object.hasOwn(parent, key)) throw missing(operation);
  if (operation.op === 'remove') delete parent[key];
  else if (operation.op === 'test') test(parent[key], operation);
  // defined, not assigned: a key called __proto__ is a key like any other
  else Object.defineProperty(parent, key, { value: structuredClone(operation.value), ...ordinary });
}

function applyToArray(parent: unknown[], key: string, operation: JsonPatchOperation): void {
  const index = operation.op === 'add' && key === '-' ? parent.length : indexOf(key);
  const end = operation.op === 'add' ? parent.length : parent.length - 1;
  if (index === undefined || index > end) throw missing(operation);
  if (operation.op === 'remove') parent.splice(index, 1);
  else if (operation.op === 'test') test(parent[index], operation);
  else parent.splice(index, operation.op === 'add' ? 0 : 1, structuredClone(operation.value));
}

const ordinary = { writable: true, enumerable: true, configurable: true };

function test(found: unknown, operation: JsonPatchOperation & { op: 'test' }): void {
  if (!isDeepStrictEqual(found, operation.value)) {
    throw new JsonPatchError(operation, `found ${JSON.stringify(found)}`);
  }
}

function missing(operation: JsonPatchOperation): JsonPatchError {
  return new JsonPatchError(operation, 'there is no such member');
}

/** RFC 6901; `~1` before `~0`, so that `~01` is `~1`. */
function keysOf(operation: JsonPatchOperation): string[] {
  const { path } = operation;
  if (path === '') return [];
  if (!path.startsWith('/')) throw new JsonPatchError(operation, 'a pointer starts with /');
  return path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function member(parent: unknown, key: string): unknown {
  if (Array.isArray(parent)) {
    const index = indexOf(key);
    return index === undefined ? undefined : parent[index];
  }
  return isObject(parent) && Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function indexOf(key: string): number | undefined {
  return /^(0|[1-9]\d*)$/.test(key) ? Number(key) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
