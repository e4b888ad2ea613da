import { type Document, isSeq, parse } from 'yaml';
import { z } from 'zod';
import {
  childOf,
  follow,
  groupOf,
  itemsOf,
  type MaybeNode,
  type ObjectName,
  toSegment,
  versionOf,
} from './objects.ts';

/**
 * Where a kind that tagpin doesn't know has images, in kustomize's terms (kustomize api/types/fieldspec.go): the path
 * leads to an image, or to a pod spec with all that a pod spec can hold.
 */
export interface FieldSpec {
  group?: string | undefined;
  version?: string | undefined;
  kind?: string | undefined;
  /** `spec/template/spec/containers[]/image`; a list is gone through with `[]` or without. */
  path: string;
}

/** Thrown for what isn't a field spec. The message says what to write. */
export class InvalidFieldSpec extends Error {
  override readonly name = 'InvalidFieldSpec';
}

const EXAMPLE = 'Rollout.argoproj.io:spec/template/spec';

/**
 * Reads `Kind.group:path`, where `.group` may be left out.
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

/** A kustomize transformer configuration; what else it configures is none of this. */
const configurationSchema = z.object({ images: z.array(fieldSpecSchema) });

/**
 * Reads the `images` of a kustomize transformer configuration.
 *
 * @throws InvalidFieldSpec
 */
export function readFieldSpecs(text: string): FieldSpec[] {
  let content: unknown;
  try {
    content = parse(text, { prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    throw new InvalidFieldSpec(`it isn't YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = configurationSchema.safeParse(content);
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

/** Something in an object, and the JSON pointer to it from there. */
export interface Spot {
  node: MaybeNode;
  pointer: string;
}

/** What a path leads to from a node: as many as there are in the lists on its way. */
export function spotsAt(document: Document, node: MaybeNode, path: string): Spot[] {
  const names = path
    .replace(/^\//, '')
    .split(/(?<!\\)\//)
    .map((name) => name.replaceAll('\\/', '/').replace(/\[\]$/, ''));
  let spots = elementsOf(document, { node, pointer: '' });
  for (const name of names) {
    spots = spots
      .map((spot) => ({
        node: childOf(document, spot.node, name),
        pointer: spot.pointer + toSegment(name),
      }))
      .flatMap((spot) => (spot.node === undefined ? [] : elementsOf(document, spot)));
  }
  return spots;
}

/** Those of a list, and of lists in it; what is none is its own. */
function elementsOf(document: Document, spot: Spot): Spot[] {
  if (!isSeq(follow(document, spot.node))) return [spot];
  return itemsOf(document, spot.node).flatMap((node, index) =>
    elementsOf(document, { node, pointer: `${spot.pointer}/${index}` }),
  );
}
