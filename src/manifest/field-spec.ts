import { z } from 'zod';
import {
  childOf,
  groupOf,
  itemsOf,
  type MaybeNode,
  type ObjectName,
  toSegment,
  versionOf,
} from './objects.ts';
import { follow, isMergeKey, keyText, valueFrom } from './yaml/node.ts';
import { parse } from './yaml/parser.ts';

/**
 * Where objects of a kind that tagpin doesn't know have images, as in kustomize (api/types/fieldspec.go). The path leads
 * to an image or to a pod spec.
 */
export interface FieldSpec {
  group?: string | undefined;
  version?: string | undefined;
  kind?: string | undefined;
  /** `spec/template/spec/containers[]/image`; lists are traversed with or without `[]`, and `*` is any key. */
  path: string;
  /** Whether a mapping there is no pod spec. */
  isImage?: boolean;
  /** What an image there begins with; anything else isn't one. */
  scheme?: string;
  /** A key beside the image with which it isn't one. */
  unless?: string;
}

/** An invalid field spec. The message includes the remedy. */
export class InvalidFieldSpec extends Error {
  override readonly name = 'InvalidFieldSpec';
}

const EXAMPLE = 'App.example.com:spec/template/spec';

/**
 * Parses `Kind.group:path`, with an optional `.group`.
 *
 * @throws InvalidFieldSpec
 */
export function parseFieldSpec(text: string): FieldSpec {
  const [, kind, group, path] = /^([A-Za-z][A-Za-z0-9]*)(?:\.([a-z0-9.-]+))?:(.+)$/.exec(text) ?? [];
  if (kind === undefined || path === undefined) {
    throw new InvalidFieldSpec(
      `"${text}" isn't a place for images; write Kind.group:path, such as ${EXAMPLE}`,
    );
  }
  return { kind, group, path };
}

export const fieldSpecSchema = z.object({
  group: z.string().optional(),
  version: z.string().optional(),
  kind: z.string().optional(),
  path: z.string().min(1),
});

/** The part of a kustomize transformer configuration that has images. */
const configurationSchema = z.object({ images: z.array(fieldSpecSchema) });

/**
 * Reads the `images` of a kustomize transformer configuration.
 *
 * @throws InvalidFieldSpec
 */
export function readFieldSpecs(text: string): FieldSpec[] {
  const [document] = parse(text);
  if (document?.error !== undefined) throw new InvalidFieldSpec(`it isn't YAML: ${document.error.message}`);
  const parsed = configurationSchema.safeParse(document?.root && valueFrom(document.root));
  if (parsed.success) return parsed.data.images;
  throw new InvalidFieldSpec(
    `write a list "images" of objects with group, version, kind and path, as kustomize's configurations have it`,
  );
}

export function appliesTo({ group, version, kind }: FieldSpec, object: ObjectName): boolean {
  return (
    (kind === undefined || kind === object.kind) &&
    (group === undefined || group === groupOf(object.apiVersion)) &&
    (version === undefined || version === versionOf(object.apiVersion))
  );
}

/** A node in an object, and the JSON pointer to it. */
export interface Spot {
  node: MaybeNode;
  pointer: string;
}

/** The nodes that a path leads to: one for each item of the lists on its way. */
export function spotsAt(node: MaybeNode, path: string): Spot[] {
  const names = path
    .replace(/^\//, '')
    .split(/(?<!\\)\//)
    .map((name) => name.replaceAll('\\/', '/').replace(/\[\]$/, ''));
  let spots = elementsOf({ node, pointer: '' });
  for (const name of names) {
    spots = spots
      .flatMap((spot) => (name === '*' ? keysOf(spot.node) : [name]).map((key) => childSpot(spot, key)))
      .flatMap((spot) => (spot.node === undefined ? [] : elementsOf(spot)));
  }
  return spots;
}

const childSpot = ({ node, pointer }: Spot, key: string): Spot => ({
  node: childOf(node, key),
  pointer: pointer + toSegment(key),
});

function keysOf(node: MaybeNode): string[] {
  const mapping = follow(node);
  if (mapping?.type !== 'mapping') return [];
  const keys = mapping.pairs.flatMap(({ key }) => (isMergeKey(key) ? [] : [keyText(key) ?? '']));
  return [...new Set(keys)];
}

/** The items of a list and of lists in it. A node that isn't a list is its own item. */
function elementsOf(spot: Spot): Spot[] {
  if (follow(spot.node)?.type !== 'sequence') return [spot];
  return itemsOf(spot.node).flatMap((node, index) =>
    elementsOf({ node, pointer: `${spot.pointer}/${index}` }),
  );
}
