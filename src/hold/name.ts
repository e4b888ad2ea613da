import type { Digest } from '../image/digest.ts';

/** Comes first in every tag of a hold, because registries' rules match tags by their beginning. */
const PREFIX = 'tagpin-keep-';
/** Hexadecimal digits of the digest in a tag for one digest. */
const HEX = 16;
/** OCI distribution specification, "Pulling manifests". */
const LONGEST_TAG = 128;
/** Leaves room for a digest in the tag. */
const LONGEST_NAME = LONGEST_TAG - PREFIX.length - 1 - HEX;

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const ENDS_LIKE_DIGEST = new RegExp(`(?:^|-)[0-9a-f]{${HEX}}$`);

/** Why a cluster can't be called so in tags; undefined if it can. */
export function faultOfName(name: string): string | undefined {
  if (!NAME.test(name)) return 'Write letters, digits, ., _ and -, as in a tag, and no sign first or last.';
  if (name.length > LONGEST_NAME)
    return `Write ${LONGEST_NAME} characters at most, so that it fits in a tag.`;
  // The tag of such a cluster could be another's for a digest.
  if (ENDS_LIKE_DIGEST.test(name)) return `Write a name that doesn't end in ${HEX} hexadecimal digits.`;
  return undefined;
}

/** The tag under which a cluster's hold is, as an index. */
export const tagOfIndex = (cluster: string) => `${PREFIX}${cluster}`;

/** The tag under which a cluster holds one digest. */
export const tagOfDigest = (cluster: string, digest: Digest) => `${PREFIX}${cluster}-${hexOf(digest)}`;

/** Those of the tags that are a cluster's for one digest. */
export function digestTags(cluster: string, tags: readonly string[]): string[] {
  const start = `${PREFIX}${cluster}-`;
  return tags
    .filter((tag) => tag.startsWith(start) && /^[0-9a-f]+$/.test(tag.slice(start.length)))
    .filter((tag) => tag.length === start.length + HEX);
}

/** Whether a cluster's tag for one digest, which it is the end of, is meant for this digest. */
export const isTagOf = (tag: string, digest: Digest) => tag.endsWith(`-${hexOf(digest)}`);

const hexOf = (digest: Digest) => digest.slice(digest.indexOf(':') + 1).slice(0, HEX);
