import { childOf, type MaybeNode, memberOf } from './objects.ts';
import type { PairSpan, Span } from './splice.ts';
import { follow, type Node, type Pair, type Scalar, stringValue } from './yaml/node.ts';

/** Where an image's digest is written on its own, or the pair to insert it after. */
export type DigestSpan =
  | { isThere: true; span: Span; pair: Pick<PairSpan, 'start' | 'end' | 'isFlow'> }
  | { isThere: false; after: PairSpan };

/** An image whose name, tag and digest are fields of their own. */
export interface ImageInParts {
  /** The whole image. */
  image: string;
  /** The field with the tag. */
  tag: Scalar;
  digest: DigestSpan;
}

/**
 * An entry of a kustomization's `images`, if it sets a tag: then it takes a digest off again that a base has (kustomize
 * api/internal/image, api/filters/imagetag/updater.go).
 */
export function kustomizeImage(entry: MaybeNode): ImageInParts | undefined {
  const textOf = (name: string) => {
    const node = follow(childOf(entry, name));
    return node?.type === 'scalar' && node.text !== '' ? node : undefined;
  };
  const [name, newName, tag, digest] = [
    textOf('name'),
    textOf('newName'),
    textOf('newTag'),
    textOf('digest'),
  ];
  const member = memberOf(entry, 'newTag');
  if (name === undefined || tag === undefined || member === undefined) return undefined;
  const { isFlow } = member.mapping;
  const whole = `${(newName ?? name).text}:${tag.text}`;
  const there = memberOf(entry, 'digest');
  if (digest !== undefined && there !== undefined) {
    const pair = { start: there.pair.key.start, end: there.pair.value.end, isFlow };
    return { image: `${whole}@${digest.text}`, tag, digest: { isThere: true, span: spanOf(digest), pair } };
  }
  return { image: whole, tag, digest: { isThere: false, after: pairSpanOf(member.pair, isFlow) } };
}

export const spanOf = (scalar: Scalar): Span => ({
  start: scalar.start,
  end: scalar.end,
  value: stringValue(scalar),
});

export function pairSpanOf({ key, value }: Pair, isFlow: boolean): PairSpan {
  return { start: key.start, end: value.end, quote: quoteOf(key), isFlow };
}

function quoteOf(key: Node): string {
  const scalar = follow(key);
  return scalar?.type === 'scalar' && (scalar.style === '"' || scalar.style === "'") ? scalar.style : '';
}
