import { apiVersionOf, type Resource, resources } from './resources.ts';

/** The target of a path. */
export interface Target {
  readonly resource: Resource;
  /** Undefined at cluster scope and for a list of all namespaces. */
  readonly namespace: string | undefined;
  /** Undefined for a collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export type Verb = 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete';

/** Subresources that read and write the object itself; here they are treated as the object. */
const partsOfObject = ['status', 'ephemeralcontainers'];

/** Reads `/api/v1/…` and `/apis/<group>/<version>/…`; undefined for anything that isn't in the table of resources. */
export function parsePath(path: string): Target | undefined {
  const [, core, named, rest] = /^\/(?:api\/(v1)|apis\/([^/]+\/[^/]+))\/(.+)$/.exec(path) ?? [];
  const apiVersion = core ?? named;
  if (apiVersion === undefined || rest === undefined) return undefined;
  const ofGroup = resources.filter((resource) => apiVersionOf(resource) === apiVersion);
  const segments = rest.split('/');
  // `namespaces/x` is a Namespace, `namespaces/x/pods` a collection inside it
  const inside = segments[0] === 'namespaces' && segments.length > 2;
  const namespace = inside ? segments[1] : undefined;
  const [plural, name, subresource, ...more] = inside ? segments.slice(2) : segments;
  const resource = ofGroup.find((candidate) => candidate.name === plural);
  if (resource === undefined || more.length > 0) return undefined;
  if (subresource !== undefined && !partsOfObject.includes(subresource)) return undefined;
  if (inside !== resource.namespaced && (inside || name !== undefined)) return undefined;
  return { resource, namespace, name, subresource };
}

/** The verb RBAC knows the request by. */
export function verbOf(method: string, { name }: Target): Verb | undefined {
  if (method === 'GET') return name === undefined ? 'list' : 'get';
  if (name === undefined) return method === 'POST' ? 'create' : undefined;
  const verbs = new Map<string, Verb>([
    ['PUT', 'update'],
    ['PATCH', 'patch'],
    ['DELETE', 'delete'],
  ]);
  return verbs.get(method);
}
