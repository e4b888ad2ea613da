import { keyPath } from '../config/key-path.ts';
import { type Decided, decide, type Rules } from '../pin/decide.ts';
import { podTemplateSchema } from '../pin/pod.ts';
import { isKindWithPods, podSpecPointers, templatePointer } from '../pin/pod-template.ts';
import { type Manifest, type Mistake, misplaced, type Position } from './document.ts';
import { appliesTo, type FieldSpec, spotsAt } from './field-spec.ts';
import { isVariable, kustomizeLists } from './known-kinds.ts';
import {
  childOf,
  groupOf,
  lastSegmentOf,
  type ManifestObject,
  type MaybeNode,
  memberOf,
  nodeAt,
  type ObjectName,
  parentPointer,
  segmentsOf,
  stringOf,
} from './objects.ts';
import { type DigestSpan, kustomizeImage, pairSpanOf, spanOf } from './parts.ts';
import type { PairSpan, Span } from './splice.ts';
import { Endless, follow, type Node, stringValue, valueFrom } from './yaml/node.ts';

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
  /** If its digest is a field of its own, where that is. */
  digest?: DigestSpan | undefined;
  /** What of the image is written elsewhere, before the text at `span`. */
  prefix?: string;
  /** Why it can't be written. */
  obstacle?: string | undefined;
}

export type PolicySpan = { isThere: true; span: Span } | { isThere: false; after: PairSpan; key: string };

/** Finds the images of one object. */
export class Finder {
  /** By pointer, because two field specs may lead to one image. */
  readonly images = new Map<string, ManifestImage>();
  readonly mistakes: Mistake[] = [];
  readonly warnings: Mistake[] = [];
  readonly #manifest: Manifest;
  readonly #number: number;
  readonly #object: ManifestObject;
  readonly #rules: Rules;
  /** Pointers of what is filled in later. */
  readonly #variables = new Set<string>();

  constructor(manifest: Manifest, number: number, object: ManifestObject, rules: Rules) {
    this.#manifest = manifest;
    this.#number = number;
    this.#object = object;
    this.#rules = rules;
  }

  find(fieldSpecs: readonly FieldSpec[]): void {
    try {
      this.#findAll(fieldSpecs);
    } catch (error) {
      if (!(error instanceof Endless)) throw error;
      const { message } = error;
      this.mistakes.push({ ...this.#placeOf(''), document: this.#number, object: this.#name, message });
    }
  }

  #findAll(fieldSpecs: readonly FieldSpec[]): void {
    const { kind, apiVersion, node } = this.#object;
    if (isKindWithPods(groupOf(apiVersion), kind)) this.#findInTemplate(templatePointer(kind));
    for (const spec of fieldSpecs.filter((one) => appliesTo(one, this.#object))) {
      for (const { node: target, pointer } of spotsAt(node, spec.path)) {
        const isMapping = follow(target)?.type === 'mapping';
        if (isMapping && spec.isImage) continue;
        if (isMapping) {
          this.#findInSpec(pointer, childOf(nodeAt(node, parentPointer(pointer)), 'metadata'));
        } else {
          this.#findOne(target, pointer, spec);
        }
      }
    }
    for (const spec of kustomizeLists.filter((one) => appliesTo(one, this.#object))) {
      for (const { node: entry, pointer } of spotsAt(node, spec.path)) this.#findInParts(entry, pointer);
    }
  }

  /** Whether there is an image at that pointer, or what is filled in later. */
  get seen(): ReadonlySet<string> {
    return new Set([...this.images.keys(), ...this.#variables]);
  }

  #findInTemplate(pointer: string): void {
    const template = nodeAt(this.#object.node, pointer);
    this.#findInSpec(`${pointer}${podSpecPointers.Pod}`, childOf(template, 'metadata'));
  }

  #findInSpec(pointer: string, metadata: MaybeNode): void {
    const spec = nodeAt(this.#object.node, pointer);
    if (follow(spec)?.type !== 'mapping') return;
    const pod = this.#read({ metadata: this.#value(metadata) ?? {}, spec: this.#value(spec) }, pointer);
    if (pod === undefined) return;
    for (const decided of decide(pod, this.#rules)) {
      const below = (inPod: string) => pointer + inPod.slice(podSpecPointers.Pod.length);
      this.#add(decided, below(decided.field.pointer), below(decided.field.policyPointer));
    }
  }

  /** An image outside a pod spec is decided about as a container's. */
  #findOne(node: MaybeNode, pointer: string, { scheme = '', unless }: FieldSpec): void {
    const text = stringOf(node);
    if (text === undefined || !text.startsWith(scheme)) return;
    const beside = unless === undefined ? '' : `${parentPointer(pointer)}/${unless}`;
    if (beside !== '' && nodeAt(this.#object.node, beside) !== undefined) return;
    const image = text.slice(scheme.length);
    if (isVariable(image)) {
      this.#variables.add(pointer);
      const message = `${image}: it is filled in when it runs; pin it where its value is written`;
      this.warnings.push({
        ...this.#placeOf(pointer),
        document: this.#number,
        object: this.#name,
        field: this.#path(pointer),
        message,
      });
      return;
    }
    const decided = this.#decideAlone(image, pointer);
    if (decided !== undefined) this.#add(decided, pointer, undefined, image);
  }

  /** An image whose parts are fields of their own. */
  #findInParts(entry: Node | undefined, pointer: string): void {
    const parts = kustomizeImage(entry);
    const decided = parts && this.#decideAlone(parts.image, pointer);
    if (parts === undefined || decided === undefined) return;
    this.images.set(pointer, {
      ...decided,
      ...this.#manifest.placeOf(parts.tag.start),
      document: this.#number,
      object: this.#name,
      objectPointer: this.#object.pointer,
      path: this.#path(pointer),
      span: spanOf(parts.tag),
      policy: undefined,
      digest: parts.digest,
    });
  }

  /** The decision about an image outside a pod spec. */
  #decideAlone(image: string, pointer: string): Decided | undefined {
    const name = lastSegmentOf(pointer);
    const metadata = this.#value(childOf(this.#object.node, 'metadata')) ?? {};
    const pod = this.#read({ metadata, spec: { containers: [{ name, image }] } }, pointer);
    const [decided] = pod === undefined ? [] : decide(pod, this.#rules);
    return decided;
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
        message: misplaced(nodeAt(this.#object.node, at), issue, this.#manifest.text),
      });
    }
    return undefined;
  }

  /** @param value what of the text is the image, if that isn't all */
  #add(decided: Decided, pointer: string, policyPointer: string | undefined, value?: string): void {
    const scalar = follow(nodeAt(this.#object.node, pointer));
    // A patch may name a container without its image.
    if (scalar?.type !== 'scalar' || stringValue(scalar) === undefined) return;
    this.images.set(pointer, {
      ...decided,
      ...this.#placeOf(pointer),
      document: this.#number,
      object: this.#name,
      objectPointer: this.#object.pointer,
      path: this.#path(pointer),
      span: { ...spanOf(scalar), ...(value === undefined ? {} : { value }) },
      policy: policyPointer === undefined ? undefined : this.#policy(pointer, policyPointer),
    });
  }

  get #name(): ObjectName {
    const { apiVersion, kind, name, namespace } = this.#object;
    return { apiVersion, kind, name, namespace };
  }

  #policy(imagePointer: string, policyPointer: string): PolicySpan | undefined {
    const container = nodeAt(this.#object.node, parentPointer(imagePointer));
    const key = lastSegmentOf(policyPointer);
    const there = follow(memberOf(container, key)?.pair.value);
    if (there?.type === 'scalar') return { isThere: true, span: spanOf(there) };
    const member = memberOf(container, lastSegmentOf(imagePointer));
    if (member === undefined || follow(member.pair.key)?.type !== 'scalar') return undefined;
    // A single pair in a list's brackets has no braces to insert another into.
    const { isFlow, start } = member.mapping;
    if (isFlow && this.#manifest.text[start] !== '{') return undefined;
    return { isThere: false, key, after: pairSpanOf(member.pair, isFlow) };
  }

  /** The position of the node at a pointer, or of its nearest existing ancestor. */
  #placeOf(pointer: string): Position {
    const node = nodeAt(this.#object.node, pointer);
    if (node !== undefined) return this.#manifest.placeOf(node.start);
    return pointer === '' ? this.#manifest.placeOf(0) : this.#placeOf(parentPointer(pointer));
  }

  #path(pointer: string): string {
    const keys: (string | number)[] = [];
    let node: MaybeNode = this.#object.node;
    for (const key of segmentsOf(pointer)) {
      keys.push(follow(node)?.type === 'sequence' ? Number(key) : key);
      node = childOf(node, key);
    }
    return keyPath(keys);
  }

  #value(node: Node | undefined): unknown {
    return node && valueFrom(node);
  }
}
