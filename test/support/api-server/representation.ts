import type { KubernetesObject } from './objects.ts';
import { apiVersionOf, type Resource, resources } from './resources.ts';

const metadataOnly = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' } as const;

/** The object as the Accept header requests it: complete, or only its metadata. */
export function represent(resource: Resource, object: KubernetesObject, accept: string | undefined): object {
  if (wantsMetadataOnly(accept)) return { ...metadataOnly, metadata: object.metadata };
  return { kind: resource.kind, apiVersion: apiVersionOf(resource), ...object };
}

export interface Page {
  readonly items: readonly KubernetesObject[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** The list as the Accept header requests it. Its items lack apiVersion and kind, as in real lists. */
export function representList(
  resource: Resource,
  { items, ...metadata }: Page,
  accept: string | undefined,
): object {
  if (wantsMetadataOnly(accept)) {
    return {
      ...metadataOnly,
      kind: 'PartialObjectMetadataList',
      metadata,
      items: items.map((item) => ({ ...metadataOnly, metadata: item.metadata })),
    };
  }
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata,
    items: items.map(({ apiVersion: _, kind: __, ...item }) => item),
  };
}

/** The first range counts, as in the API server. */
function wantsMetadataOnly(accept = ''): boolean {
  return /^[^,]*;\s*as=PartialObjectMetadata(List)?\b/.test(accept);
}

/** The resources of a group and version, for clients that look up a kind; undefined if there are none. */
export function discovery(path: string): object | undefined {
  const [, core, named] = /^\/(?:api\/(v1)|apis\/([^/]+\/[^/]+))\/?$/.exec(path) ?? [];
  const groupVersion = core ?? named;
  const rows = resources.filter((resource) => apiVersionOf(resource) === groupVersion);
  if (rows.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: rows.map(({ name, kind, namespaced }) => ({
      name,
      singularName: kind.toLowerCase(),
      namespaced,
      kind,
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'update'],
    })),
  };
}
