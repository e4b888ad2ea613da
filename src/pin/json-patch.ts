/** One operation of a JSON Patch (RFC 6902). */
export interface Operation {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}

/** An object's `metadata.annotations`. */
export type Annotations = Readonly<Record<string, string>> | null | undefined;

/** Annotations to set, or with `null` to remove. */
export type AnnotationChanges = Readonly<Record<string, string | null>>;

export function patchAnnotations(annotations: Annotations, changes: AnnotationChanges): Operation[] {
  const all = Object.entries(changes);
  const set = all.filter((change): change is [string, string] => change[1] !== null);
  if (annotations) {
    return all.flatMap(([name, value]): Operation[] => {
      const path = `/metadata/annotations/${segment(name)}`;
      if (value !== null) return [{ op: 'add', path, value }];
      return Object.hasOwn(annotations, name) ? [{ op: 'remove', path }] : [];
    });
  }
  return set.length === 0
    ? []
    : [{ op: 'add', path: '/metadata/annotations', value: Object.fromEntries(set) }];
}

/** A name, escaped for a JSON pointer (RFC 6901). */
const segment = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** The API server's limit for all annotations of an object (apimachinery pkg/api/validation/objectmeta.go). */
const ALL_ANNOTATIONS_LIMIT = 256 * 1024;

/** Whether the annotations with these changes are within the API server's limit. */
export function fits(annotations: Annotations, changes: AnnotationChanges): boolean {
  const all = Object.entries({ ...annotations, ...changes });
  const bytes = all.map(([name, value]) =>
    value === null ? 0 : Buffer.byteLength(name) + Buffer.byteLength(value),
  );
  return bytes.reduce((sum, size) => sum + size, 0) <= ALL_ANNOTATIONS_LIMIT;
}
