/** One operation of the patch (RFC 6902). */
export interface Operation {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}

/** Changes annotations: to a text, or `null` to remove one. */
export function patchAnnotations(
  annotations: Readonly<Record<string, string>> | null | undefined,
  changes: Readonly<Record<string, string | null>>,
): Operation[] {
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

/** A name as a segment of a JSON pointer (RFC 6901). */
const segment = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');
