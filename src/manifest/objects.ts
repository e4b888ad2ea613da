import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';

/** A node of a document, perhaps an alias; undefined if there is none. */
export type MaybeNode = Node | undefined;

/** The node itself, or the one that an alias stands for; undefined for an alias without an anchor. */
export function follow(document: Document, node: unknown): MaybeNode {
  if (isAlias(node)) return node.resolve(document);
  return isScalar(node) || isMap(node) || isSeq(node) ? node : undefined;
}

/** A key with its value, and the map that they are written in, which may be merged into another. */
export interface Member {
  map: YAMLMap;
  pair: Pair;
}

/** A map's member: its own, else that of the first map merged into it that has one (YAML 1.1 `<<`). */
export function memberOf(document: Document, node: unknown, name: string): Member | undefined {
  return findMember(document, node, name, new Set());
}

/** @param seen the maps searched already, because one may be merged many times, even into itself */
function findMember(document: Document, node: unknown, name: string, seen: Set<unknown>): Member | undefined {
  const map = follow(document, node);
  if (!isMap(map) || seen.has(map)) return undefined;
  seen.add(map);
  // A map with duplicate keys is a mistake, and isn't read.
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === name);
  if (pair !== undefined) return { map, pair };
  for (const { key, value } of map.items) {
    if (!isMergeKey(key)) continue;
    const merged = follow(document, value);
    for (const source of isSeq(merged) ? merged.items : [merged]) {
      const found = findMember(document, source, name, seen);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

const isMergeKey = (key: unknown) =>
  isScalar(key) && typeof key.value === 'symbol' && key.value.description === '<<';

/** The value of a map's key, or an item of a list. */
export function childOf(document: Document, node: unknown, segment: string): MaybeNode {
  const parent = follow(document, node);
  if (isSeq(parent)) return asNode(parent.items[Number(segment)]);
  return asNode(memberOf(document, parent, segment)?.pair.value);
}

/** The node at a JSON pointer (RFC 6901) from another; an empty pointer is the node itself. */
export function nodeAt(document: Document, node: MaybeNode, pointer: string): MaybeNode {
  return segmentsOf(pointer).reduce<MaybeNode>((parent, segment) => childOf(document, parent, segment), node);
}

/** The segments of a JSON pointer, unescaped. */
export const segmentsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));

/** A name as one segment of a JSON pointer. */
export const toSegment = (name: string) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

export const parentPointer = (pointer: string) => pointer.slice(0, pointer.lastIndexOf('/'));
export const lastSegmentOf = (pointer: string) => pointer.slice(pointer.lastIndexOf('/') + 1);

/** The text of a string scalar. */
export function stringOf(document: Document, node: unknown): string | undefined {
  const scalar = follow(document, node);
  return isScalar(scalar) && typeof scalar.value === 'string' ? scalar.value : undefined;
}

/** The items of a list; none for another node. */
export function itemsOf(document: Document, node: unknown): MaybeNode[] {
  const list = follow(document, node);
  return isSeq(list) ? list.items.map(asNode) : [];
}

function asNode(node: unknown): MaybeNode {
  return isAlias(node) || isScalar(node) || isMap(node) || isSeq(node) ? node : undefined;
}

/** How messages and results identify an object. */
export interface ObjectName {
  apiVersion: string;
  kind: string;
  name: string;
  namespace: string | undefined;
}

/** A Kubernetes object in a document. */
export interface ManifestObject extends ObjectName {
  node: MaybeNode;
  /** JSON pointer to it from its document's root: `/items/3` in a list, else empty. */
  pointer: string;
}

/** The depth to which lists of lists are read. */
const DEEPEST_LIST = 4;

/** A document's object, or the items of its `List`, `DeploymentList` or `ResourceList`. */
export function objectsOf(document: Document): ManifestObject[] {
  return objectsAt(document, childless(document), '', {}, DEEPEST_LIST);
}

const childless = ({ contents }: Document): MaybeNode => contents ?? undefined;

function objectsAt(
  document: Document,
  node: MaybeNode,
  pointer: string,
  byDefault: { apiVersion?: string | undefined; kind?: string },
  depth: number,
): ManifestObject[] {
  const textAt = (...path: string[]) =>
    stringOf(
      document,
      path.reduce<MaybeNode>((parent, name) => childOf(document, parent, name), node),
    );
  const apiVersion = textAt('apiVersion') ?? byDefault.apiVersion;
  const kind = textAt('kind') ?? byDefault.kind;
  if (apiVersion === undefined || kind === undefined) return [];
  const items = depth > 0 && kind.endsWith('List') ? itemsOf(document, childOf(document, node, 'items')) : [];
  if (items.length > 0) {
    // Items of a typed list needn't have apiVersion and kind.
    const ofItems =
      kind === 'List' || kind === 'ResourceList' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
    return items.flatMap((item, index) =>
      objectsAt(document, item, `${pointer}/items/${index}`, ofItems, depth - 1),
    );
  }
  const name = textAt('metadata', 'name') ?? textAt('metadata', 'generateName') ?? '';
  return [{ node, pointer, apiVersion, kind, name, namespace: textAt('metadata', 'namespace') }];
}

/** `apps` of `apps/v1`; empty for the core group. */
export const groupOf = (apiVersion: string) =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

/** `v1` of `apps/v1`. */
export const versionOf = (apiVersion: string) => apiVersion.slice(apiVersion.indexOf('/') + 1);

/** `Deployment "web"`, for people. */
export const nameOf = ({ kind, name }: ObjectName) => (name === '' ? kind : `${kind} "${name}"`);
