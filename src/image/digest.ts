import { createHash } from 'node:crypto';
import { excerpt } from './excerpt.ts';

declare const valid: unique symbol;

/** A validated digest, such as `sha256:e3b0c442…`; see {@link parseDigest}. */
export type Digest = string & { readonly [valid]: 'digest' };

/** What is wrong with a digest, named as in opencontainers/go-digest. */
export type DigestFault = 'digest_format' | 'digest_length' | 'digest_unsupported';

/** Thrown for text that isn't a digest. */
export class InvalidDigest extends Error {
  override readonly name = 'InvalidDigest';
  readonly reason: DigestFault;

  constructor(text: string, reason: DigestFault) {
    super(`invalid digest "${excerpt(text)}": ${EXPLANATIONS[reason]}`);
    this.reason = reason;
  }
}

const EXPLANATIONS: Record<DigestFault, string> = {
  digest_format: 'write an algorithm, a colon and lower-case hexadecimal digits, such as sha256:e3b0c442…',
  digest_length: 'sha256 takes 64 hexadecimal digits and sha512 takes 128; copy the digest whole',
  digest_unsupported: 'the algorithm is unknown; use sha256 or sha512',
};

/** The known algorithms, each with its number of hexadecimal digits. */
const HEX_DIGITS = new Map([
  ['sha256', 64],
  ['sha512', 128],
]);

/**
 * Validates a digest as go-digest's `Digest.Validate` does, with sha256 and sha512 registered.
 *
 * @throws {InvalidDigest} with the reason.
 */
export function parseDigest(text: string): Digest {
  validate(text);
  return text;
}

/** Whether `text` is a digest that {@link parseDigest} accepts. */
export function isDigest(text: string): text is Digest {
  return findFault(text) === undefined;
}

/** The sha256 digest of `content`. */
export function sha256(content: Uint8Array | string): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
}

/** Whether `content` has the digest. */
export function isDigestOf(digest: Digest, content: Uint8Array): boolean {
  const colon = digest.indexOf(':');
  return createHash(digest.slice(0, colon)).update(content).digest('hex') === digest.slice(colon + 1);
}

/** The digest of an empty body, which broken proxies send for manifests that they never read. */
export const EMPTY_DIGEST: Digest = sha256('');

function validate(text: string): asserts text is Digest {
  const reason = findFault(text);
  if (reason !== undefined) throw new InvalidDigest(text, reason);
}

function findFault(text: string): DigestFault | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) return 'digest_format';
  const digits = HEX_DIGITS.get(text.slice(0, colon));
  if (digits === undefined) {
    const wellFormed = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(text);
    return wellFormed ? 'digest_unsupported' : 'digest_format';
  }
  const encoded = text.slice(colon + 1);
  if (encoded.length !== digits) return 'digest_length';
  return /^[a-f0-9]+$/.test(encoded) ? undefined : 'digest_format';
}
