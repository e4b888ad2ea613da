import type { Digest } from '../image/digest.ts';
import type { Holder } from './manifest.ts';

/** A digest that its repository has to keep. */
export interface Wanted {
  digest: Digest;
  /** Whether the repository should have it; else its absence means nothing. */
  isCertain: boolean;
}

export interface HoldRequest {
  holder: Holder;
  wanted: readonly Wanted[];
  /** Whether `wanted` is all that the cluster needs of the repository: else nothing is released. */
  mayRelease: boolean;
  /** A tag for each digest, instead of an index. */
  tagEach: boolean;
  isDryRun: boolean;
}

/** One write: a tag that is set. */
export interface Write {
  tag: string;
  /** What it adds to the hold, and what it releases. */
  adds: readonly Digest[];
  releases: readonly Digest[];
  /** Whether it was made; in a dry run, none is. */
  isDone: boolean;
}

/** What became of a repository's hold. */
export interface HoldReport {
  writes: Write[];
  /** What is held now, or in a dry run would be. */
  held: Digest[];
  /** What is in use and no longer there. */
  gone: Digest[];
  /** Failures, each of which leaves held what was. */
  errors: unknown[];
}

/** A tag that would be a hold's by its name, and isn't: it is never overwritten. The message says what to do. */
export class ForeignTag extends Error {
  override readonly name = 'ForeignTag';
}

export const foreignTag = (tag: string) =>
  new ForeignTag(
    `tag ${tag} isn't tagpin's: it is left alone; delete it, or choose another name with --cluster`,
  );
