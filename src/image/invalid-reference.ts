import type { DigestFault } from './digest.ts';
import { excerpt } from './excerpt.ts';

/** What is wrong with an image reference, named after the errors of distribution/reference. */
export type ReferenceFault = 'empty' | 'format' | 'uppercase' | 'too_long' | 'identifier64' | DigestFault;

/** Thrown for text that isn't an image reference. The message says what to change. */
export class InvalidReference extends Error {
  override readonly name = 'InvalidReference';
  readonly reason: ReferenceFault;

  /** @param cause the `InvalidDigest`, if the digest is at fault */
  constructor(text: string, reason: ReferenceFault, cause?: unknown) {
    super(
      `invalid image reference "${excerpt(text)}": ${hint(text, reason) ?? REMEDIES[reason]}`,
      cause === undefined ? {} : { cause },
    );
    this.reason = reason;
  }
}

const EMPTY = 'it is empty; write an image such as registry.example.com/team/app:1.2';

const REMEDIES: Record<ReferenceFault, string> = {
  empty: EMPTY,
  format: 'write it as [registry/]repository[:tag][@digest], such as registry.example.com/team/app:1.2',
  uppercase: 'a repository name has no upper-case letters; write it in lower case',
  too_long: 'the repository path is longer than 255 characters; shorten it',
  identifier64: '64 hexadecimal digits are an image ID, not a name; write repository@sha256:ID',
  digest_format: 'the digest after "@" needs lower-case hexadecimal digits; copy it from the registry',
  digest_length:
    'the digest after "@" has the wrong length (sha256 takes 64 digits, sha512 takes 128); copy it whole',
  digest_unsupported: 'the algorithm of the digest after "@" is unknown; use sha256 or sha512',
};

/** Common mistakes in manifests, in the order in which to check for them. */
const MISTAKES: readonly [pattern: RegExp, remedy: string][] = [
  [/^\s*$/, EMPTY],
  [/\$\(|\$\{|\{\{/, 'a variable or template was not filled in; render the manifest first'],
  [/^[a-z][a-z+.-]*:\/\//, 'an image has no URL scheme; leave out everything up to "://"'],
  [/\s/, 'it has white space; take that out'],
  [/:$/, 'the tag after ":" is missing; write the tag or leave out the colon'],
  [/@$/, 'the digest after "@" is missing; write the digest or leave out the "@"'],
  [/:[\w.-]{129,}$/, 'a tag has at most 128 characters; shorten it'],
];

/** The remedy for the first common mistake in the text, which the grammar can't tell apart. */
function hint(text: string, reason: ReferenceFault): string | undefined {
  if (reason !== 'format' && reason !== 'uppercase') return undefined;
  return MISTAKES.find(([pattern]) => pattern.test(text))?.[1];
}
