import { type Document, isMap, isNode, isScalar, isSeq, Scalar } from 'yaml';
import { keyPath } from '../config/key-path.ts';
import { type Decided, decide, type Rules } from '../pin/decide.ts';
import { podTemplateSchema } from '../pin/pod.ts';
import { isKindWithPods, podSpecPointers, templatePointer } from '../pin/pod-template.ts';
import { type Manifest, type Mistake, misplaced, type Position } from './document.ts';
import { appliesTo, type FieldSpec, spotsAt } from './field-spec.ts';
import {
  childOf,
  follow,
  groupOf,
  lastSegmentOf,
  type ManifestObject,
  type MaybeNode,
  memberOf,
  nodeAt,
  type ObjectName,
  objectsOf,
  parentPointer,
  segmentsOf,
  stringOf,
} from './objects.ts';
import type { PairSpan, Span } from './splice.ts';

/** An image in a manifest, with the decision about it. */
export interface ManifestImage extends Decided, Position {
  document: number;
  object: ObjectName;
  /** JSON pointer to the object from its document's root. */
  objectPointer: string;
  /** `spec.template.spec.containers[0].image`, from the object. */
  path: string;
  /** The image's text. For an alias, the text at its anchor. */
  span: Span;
  /** The pull policy's text, or the pair to insert it after; undefined if there can be none. */
  policy: PolicySpan | undefined;
}

export type PolicySpan = { isThere: true; span: Span } | { isThere: false; after: PairSpan; key: string };

export interface FindOptions {
  rules: Rules;
  /** Where objects of other kinds have images. */
  fieldSpecs: readonly FieldSpec[];
}

/** The images of a manifest, and its mistakes, in the order of the text. */
export function findImages(
  manifest: Manifest,
  options: FindOptions,
): { images: ManifestImage[]; mistakes: Mistake[] } {
  const images: ManifestImage[] = [];
  const mistakes: Mistake[] = [];
  for (const [index, document] of manifest.documents.entries()) {
    for (const object of objectsOf(document)) {
      const finder = new Finder(manifest, document, index + 1, object, options.rules);
      finder.find(options.fieldSpecs);
      images.push(...finder.images.values());
      mistakes.push(...finder.mistakes);
    }
  }
  return { images: images.sort(byPlace), mistakes: mistakes.sort(byPlace) };
}

const byPlace = (a: Position, b: Position) => a.line - b.line || a.column - b.column;

/** The limit of alias expansion in one template, because nested aliases can grow without bound. */
const MOST_ALIASES = 1000;

class Finder {
  /** By pointer, because two field specs may lead to one image. */
  readonly images = new Map<string, ManifestImage>();
  readonly mistakes: Mistake[] = [];
  readonly #manifest: Manifest;
  readonly #document: Document;
  readonly #number: number;
  readonly #object: ManifestObject;
  readonly #rules: Rules;

  constructor(manifest: Manifest, document: Document, number: number, object: ManifestObject, rules: Rules) {
    this.#manifest = manifest;
    this.#document = document;
    this.#number = number;
    this.#object = object;
    this.#rules = rules;
  }

  find(fieldSpecs: readonly FieldSpec[]): void {
    try {
      this.#findAll(fieldSpecs);
    } catch (error) {
      // An alias without an anchor, or that expands too far, or to itself.
      if (!(error instanceof ReferenceError || error instanceof RangeError)) throw error;
      const message = error instanceof ReferenceError ? error.message : 'an alias leads back to itself';
      this.mistakes.push({ ...this.#placeOf(''), document: this.#number, object: this.#name, message });
    }
  }

  #findAll(fieldSpecs: readonly FieldSpec[]): void {
    const { kind, apiVersion, node } = this.#object;
    if (isKindWithPods(groupOf(apiVersion), kind)) this.#findInTemplate(templatePointer(kind));
    for (const spec of fieldSpecs.filter((one) => appliesTo(one, this.#object))) {
      for (const { node: target, pointer } of spotsAt(this.#document, node, spec.path)) {
        if (isMap(follow(this.#document, target))) {
          this.#findInSpec(
            pointer,
            childOf(this.#document, nodeAt(this.#document, node, parentPointer(pointer)), 'metadata'),
          );
        } else {
          this.#findOne(target, pointer);
        }
      }
    }
  }

  #findInTemplate(pointer: string): void {
    const template = nodeAt(this.#document, this.#object.node, pointer);
    this.#findInSpec(`${pointer}${podSpecPointers.Pod}`, childOf(this.#document, template, 'metadata'));
  }

  #findInSpec(pointer: string, metadata: MaybeNode): void {
    const spec = nodeAt(this.#document, this.#object.node, pointer);
    if (!isMap(follow(this.#document, spec))) return;
    const pod = this.#read({ metadata: this.#value(metadata) ?? {}, spec: this.#value(spec) }, pointer);
    if (pod === undefined) return;
    for (const decided of decide(pod, this.#rules)) {
      const below = (inPod: string) => pointer + inPod.slice(podSpecPointers.Pod.length);
      this.#add(decided, below(decided.field.pointer), below(decided.field.policyPointer));
    }
  }

  /** An image outside a pod spec is decided about as a container's. */
  #findOne(node: MaybeNode, pointer: string): void {
    const image = stringOf(this.#document, node);
    if (image === undefined) return;
    const name = lastSegmentOf(pointer);
    const metadata = this.#value(childOf(this.#document, this.#object.node, 'metadata')) ?? {};
    const pod = this.#read({ metadata, spec: { containers: [{ name, image }] } }, pointer);
    const [decided] = pod === undefined ? [] : decide(pod, this.#rules);
    if (decided !== undefined) this.#add(decided, pointer, undefined);
  }

  #read(value: unknown, pointer: string) {
    const pod = podTemplateSchema.safeParse(value);
    if (pod.success) return pod.data;
    for (const issue of pod.error.issues) {
      const [first, ...rest] = issue.path.map(String);
      const base = first === 'spec' ? pointer : `${parentPointer(pointer)}/${first}`;
      const at = [base, ...rest].join('/');
      this.mistakes.push({
        ...this.#placeOf(at),
        document: this.#number,
        object: this.#name,
        field: this.#path(at),
        message: misplaced(
          nodeAt(this.#document, this.#object.node, at),
          issue,
          this.#document,
          this.#manifest.text,
        ),
      });
    }
    return undefined;
  }

  #add(decided: Decided, pointer: string, policyPointer: string | undefined): void {
    const scalar = follow(this.#document, nodeAt(this.#document, this.#object.node, pointer));
    // A patch may name a container without its image.
    if (!isScalar(scalar) || typeof scalar.value !== 'string') return;
    this.images.set(pointer, {
      ...decided,
      ...this.#placeOf(pointer),
      document: this.#number,
      object: this.#name,
      objectPointer: this.#object.pointer,
      path: this.#path(pointer),
      span: spanOf(scalar),
      policy: policyPointer === undefined ? undefined : this.#policy(pointer, policyPointer),
    });
  }

  get #name(): ObjectName {
    const { apiVersion, kind, name, namespace } = this.#object;
    return { apiVersion, kind, name, namespace };
  }

  #policy(imagePointer: string, policyPointer: string): PolicySpan | undefined {
    const container = nodeAt(this.#document, this.#object.node, parentPointer(imagePointer));
    const key = lastSegmentOf(policyPointer);
    const there = follow(this.#document, memberOf(this.#document, container, key)?.pair.value);
    if (isScalar(there)) return { isThere: true, span: spanOf(there) };
    const member = memberOf(this.#document, container, lastSegmentOf(imagePointer));
    if (member === undefined || !isScalar(member.pair.key)) return undefined;
    // A single pair in a list's brackets has no braces to insert another into.
    const isFlow = member.map.flow === true;
    if (isFlow && this.#manifest.text[rangeOf(member.map)[0]] !== '{') return undefined;
    const { start } = spanOf(member.pair.key);
    const end = rangeOf(member.pair.value)[1];
    const quote = quotes.get(member.pair.key.type ?? '') ?? '';
    return { isThere: false, key, after: { start, end, quote, isFlow } };
  }

  /** The position of the node at a pointer, or of its nearest existing ancestor. */
  #placeOf(pointer: string): Position {
    const node = nodeAt(this.#document, this.#object.node, pointer);
    if (node?.range) return this.#manifest.placeOf(node.range[0]);
    return pointer === ''
      ? this.#manifest.placeOf(this.#document.range?.[0] ?? 0)
      : this.#placeOf(parentPointer(pointer));
  }

  #path(pointer: string): string {
    const keys: (string | number)[] = [];
    let node: MaybeNode = this.#object.node;
    for (const key of segmentsOf(pointer)) {
      keys.push(isSeq(follow(this.#document, node)) ? Number(key) : key);
      node = childOf(this.#document, node, key);
    }
    return keyPath(keys);
  }

  #value(node: MaybeNode): unknown {
    return node?.toJS(this.#document, { maxAliasCount: MOST_ALIASES });
  }
}

const quotes = new Map<string, string>([
  [Scalar.QUOTE_DOUBLE, '"'],
  [Scalar.QUOTE_SINGLE, "'"],
]);

function spanOf(scalar: Scalar): Span {
  const [start, end] = rangeOf(scalar);
  return { start, end, value: typeof scalar.value === 'string' ? scalar.value : undefined };
}

function rangeOf(node: unknown): readonly [number, number] {
  const range = isNode(node) ? node.range : undefined;
  return range ? [range[0], range[1]] : [0, 0];
}
