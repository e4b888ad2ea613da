import { follow, isMergeKey, keyText, type Mapping, type Node, type Pair, stringValue } from './yaml/node.ts';

/** A node of a document, perhaps an alias; undefined if there is none. */
export type MaybeNode = Node | undefined;

/** A key with its value, and the mapping that they are written in, which may be merged into another. */
export interface Member {
  mapping: Mapping;
  pair: Pair;
}

/**
 * A mapping's member. What is written last counts: a key, or a mapping merged with `<<` that has it; of several merged
 * at once the first (go-yaml v2, decode.go, `mapping` and `merge`).
 */
export function memberOf(node: MaybeNode, name: string): Member | undefined {
  return findMember(node, name, undefined);
}

/** @param searched the mappings searched already, because one may be merged many times, even into itself */
function findMember(node: MaybeNode, name: string, searched: Set<Node> | undefined): Member | undefined {
  const mapping = follow(node);
  if (mapping?.type !== 'mapping' || searched?.has(mapping)) return undefined;
  searched?.add(mapping);
  for (let index = mapping.pairs.length - 1; index >= 0; index -= 1) {
    const pair = mapping.pairs[index];
    if (pair === undefined) continue;
    if (keyText(pair.key) === name) return { mapping, pair };
    if (!isMergeKey(pair.key)) continue;
    const seen = searched ?? new Set<Node>([mapping]);
    const merged = follow(pair.value);
    for (const source of merged?.type === 'sequence' ? merged.items : [merged]) {
      const found = findMember(source, name, seen);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The value of a mapping's key, or an item of a list. */
export function childOf(node: MaybeNode, segment: string): MaybeNode {
  const parent = follow(node);
  if (parent?.type === 'sequence') return parent.items[Number(segment)];
  return memberOf(parent, segment)?.pair.value;
}

/** The node at a JSON pointer (RFC 6901) from another; an empty pointer is the node itself. */
export function nodeAt(node: MaybeNode, pointer: string): MaybeNode {
  return segmentsOf(pointer).reduce<MaybeNode>(childOf, node);
}

/** The segments of a JSON pointer, unescaped. */
export const segmentsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((segment) =>
      segment.includes('~') ? segment.replaceAll('~1', '/').replaceAll('~0', '~') : segment,
    );

/** A name as one segment of a JSON pointer. */
export const toSegment = (name: string) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

export const parentPointer = (pointer: string) => pointer.slice(0, pointer.lastIndexOf('/'));
export const lastSegmentOf = (pointer: string) => pointer.slice(pointer.lastIndexOf('/') + 1);

/** The text of a scalar that Go reads as a string. */
export function stringOf(node: MaybeNode): string | undefined {
  const scalar = follow(node);
  return scalar?.type === 'scalar' ? stringValue(scalar) : undefined;
}

/** The items of a list; none for another node. */
export function itemsOf(node: MaybeNode): readonly Node[] {
  const list = follow(node);
  return list?.type === 'sequence' ? list.items : [];
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

/**
 * A document's object, or the items of its `List`, `DeploymentList` or `ResourceList`.
 *
 * @param byDefault what it is if it doesn't say so
 */
export function objectsOf(root: MaybeNode, byDefault: Partial<ObjectType> = {}): ManifestObject[] {
  return objectsAt(root, '', byDefault, DEEPEST_LIST);
}

type ObjectType = Pick<ObjectName, 'apiVersion' | 'kind'>;

function objectsAt(
  node: MaybeNode,
  pointer: string,
  byDefault: Partial<ObjectType>,
  depth: number,
): ManifestObject[] {
  const textAt = (...path: string[]) => stringOf(path.reduce<MaybeNode>(childOf, node));
  const apiVersion = textAt('apiVersion') ?? byDefault.apiVersion;
  const kind = textAt('kind') ?? byDefault.kind;
  if (apiVersion === undefined || kind === undefined) return [];
  const items = depth > 0 && kind.endsWith('List') ? itemsOf(childOf(node, 'items')) : [];
  if (items.length > 0) {
    // Items of a typed list needn't have apiVersion and kind.
    const ofItems =
      kind === 'List' || kind === 'ResourceList' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
    return items.flatMap((item, index) => objectsAt(item, `${pointer}/items/${index}`, ofItems, depth - 1));
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
