import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';

/** What stands somewhere in a document, as it is found there: perhaps an alias. */
export type Found = Node | undefined;

/** The node itself: where an alias leads to. Undefined for one that leads nowhere. */
export function follow(document: Document, node: unknown): Found {
  if (isAlias(node)) return node.resolve(document);
  return isScalar(node) || isMap(node) || isSeq(node) ? node : undefined;
}

/** A key with its value, and the map that they are written in, which another may have merged into itself. */
export interface Member {
  map: YAMLMap;
  pair: Pair;
}

/** A member of a map by its name: its own, else that of a map merged into it (YAML 1.1 `<<`), the first of several. */
export function memberOf(document: Document, node: unknown, name: string): Member | undefined {
  return findMember(document, node, name, new Set());
}

/** @param seen the maps looked into: one may be merged many times over, even into itself */
function findMember(document: Document, node: unknown, name: string, seen: Set<unknown>): Member | undefined {
  const map = follow(document, node);
  if (!isMap(map) || seen.has(map)) return undefined;
  seen.add(map);
  // Of a map with equal keys nothing is read: that is a mistake.
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

/** What a map has under a name, or a list at a place. */
export function childOf(document: Document, node: unknown, segment: string): Found {
  const parent = follow(document, node);
  if (isSeq(parent)) return asNode(parent.items[Number(segment)]);
  return asNode(memberOf(document, parent, segment)?.pair.value);
}

/** What a JSON pointer (RFC 6901) leads to from a node; an empty one is the node itself. */
export function nodeAt(document: Document, node: Found, pointer: string): Found {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<Found>((parent, segment) => childOf(document, parent, segment), node);
}

/** The text of a scalar that is one. */
export function stringOf(document: Document, node: unknown): string | undefined {
  const scalar = follow(document, node);
  return isScalar(scalar) && typeof scalar.value === 'string' ? scalar.value : undefined;
}

/** The items of a list, as they are written; of anything else, none. */
export function itemsOf(document: Document, node: unknown): Found[] {
  const list = follow(document, node);
  return isSeq(list) ? list.items.map(asNode) : [];
}

function asNode(node: unknown): Found {
  return isAlias(node) || isScalar(node) || isMap(node) || isSeq(node) ? node : undefined;
}
