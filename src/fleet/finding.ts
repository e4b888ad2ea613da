/** The kinds of findings, most severe first. */
export const findingKinds = [
  'invalid',
  'gone',
  'mixed',
  'drift',
  'latest',
  'unpinned',
  'always',
  'label',
  'ineffective',
] as const;
export type FindingKind = (typeof findingKinds)[number];

export interface Finding {
  kind: FindingKind;
  /** For one image or namespace. */
  message: string;
}

/** Each kind in a sentence. */
export const meanings: Readonly<Record<FindingKind, string>> = {
  invalid: 'the image is no valid reference',
  gone: 'the registry no longer has the tag or the digest',
  mixed: 'pods of one revision run different images',
  drift: 'the tag has moved since it was pinned or pulled',
  latest: 'the tag is latest, or there is none',
  unpinned: 'the image is given by tag and not by digest',
  always: 'the pull policy is Always although the image is given by digest',
  label: "the namespace's label tagpin.dev/pin has a value that means nothing",
  ineffective: "the namespace's label tagpin.dev/pin has no effect: nothing is pinned by it",
};

/** The kinds that are about a namespace, not about an image of it. */
export const namespaceKinds: ReadonlySet<FindingKind> = new Set<FindingKind>(['label', 'ineffective']);

export const isFindingKind = (text: string): text is FindingKind =>
  findingKinds.some((kind) => kind === text);
