import { z } from 'zod';
import { type Digest, isDigest } from '../image/digest.ts';
import { excerpt } from '../image/excerpt.ts';
import { InvalidReference, parseReference, pinned } from '../image/reference.ts';
import { parseManifest } from './document.ts';
import { childOf } from './objects.ts';
import { keyText, valueFrom } from './yaml/node.ts';

/** The content of a lock file: image as written → digest. */
export type Lock = ReadonlyMap<string, Digest>;

/** A lock file with mistakes. The message has all of them, each with its line. */
export class InvalidLock extends Error {
  override readonly name = 'InvalidLock';

  constructor(file: string, problems: readonly string[]) {
    super(`${file} is not a valid lock file:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

const VERSION = 1;
const HEADER = `# Written by "tagpin pin --lock": the digest that each image got. Keep it under version control.
version: ${VERSION}
images:
`;

const IMAGE = 'an image by tag belongs here; write it as the manifests have it';
const DIGEST = 'it is no digest; write sha256: and 64 hexadecimal digits';
const image = z.string(IMAGE).refine(isReference, IMAGE);
const digest = z.string(DIGEST).refine(isDigest, DIGEST);

const lockSchema = z.strictObject({
  version: z.literal(VERSION, `this tagpin reads version ${VERSION}; use the one that wrote the file`),
  images: z.array(
    z.object({ image, digest }),
    'write below it a line for each image, such as "nginx:1.27": sha256:…, or {} if there is none',
  ),
});

/**
 * The text of a lock file: one line for each image, sorted, so that additions on two branches rarely conflict.
 */
export function printLock(lock: Lock): string {
  const lines = [...lock]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([image, digest]) => `  ${JSON.stringify(image)}: ${digest}\n`);
  return lines.length === 0 ? `${HEADER.trimEnd()} {}\n` : HEADER + lines.join('');
}

/**
 * Parses a lock file. Lines may be in any order, and equal lines count once, as after a union merge.
 *
 * @throws InvalidLock
 */
export function readLock(text: string, file: string): Lock {
  const conflict = /^(<{7}|={7}|>{7})/m.exec(text);
  if (conflict !== null) {
    const line = text.slice(0, conflict.index).split('\n').length;
    throw new InvalidLock(file, [
      `line ${line}: a merge conflict; keep one line of each image, and run with --update for those that differ`,
    ]);
  }
  const { documents, mistakes, placeOf } = parseManifest(text);
  const [mistake] = mistakes;
  if (mistake !== undefined) throw new InvalidLock(file, [`line ${mistake.line}: ${mistake.message}`]);

  const root = documents[0]?.root;
  const images = childOf(root, 'images');
  const pairs = images?.type === 'mapping' ? images.pairs : [];
  const lineOf = (index: number) => placeOf(pairs[index]?.key.start ?? 0).line;
  const version = childOf(root, 'version');
  const parsed = lockSchema.safeParse({
    version: version && valueFrom(version),
    images:
      images?.type === 'mapping'
        ? pairs.map(({ key, value }) => ({ image: keyText(key), digest: keyText(value) }))
        : undefined,
  });
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path: [key, index], message }) => {
      const line = typeof index === 'number' ? lineOf(index) : undefined;
      return line === undefined ? `${String(key)}: ${message}` : `line ${line}: ${message}`;
    });
    throw new InvalidLock(file, problems);
  }

  const lock = new Map<string, Digest>();
  for (const [index, { image, digest }] of parsed.data.images.entries()) {
    const known = lock.get(image);
    if (known !== undefined && known !== digest) {
      throw new InvalidLock(file, [
        `line ${lineOf(index)}: another digest of "${excerpt(image)}" than before; remove one of the lines`,
      ]);
    }
    lock.set(image, digest);
  }
  return lock;
}

function isReference(text: string): boolean {
  try {
    return parseReference(text).digest === undefined;
  } catch (error) {
    if (error instanceof InvalidReference) return false;
    throw error;
  }
}

/** Finds the images as written that a pinned image may come from, by a lock. */
export class Written {
  readonly #byPin: ReadonlyMap<string, readonly string[]>;

  constructor(lock: Lock) {
    const spellings = [...lock].flatMap(([image, digest]) => {
      const reference = parseReference(image);
      return [...new Set([pinned(reference, digest), pinned(reference, digest, { keepTag: true })])].map(
        (pin) => ({ pin, image }),
      );
    });
    this.#byPin = new Map(
      [...Map.groupBy(spellings, ({ pin }) => pin)].map(([pin, all]) => [pin, all.map(({ image }) => image)]),
    );
  }

  of(pin: string): readonly string[] {
    return this.#byPin.get(pin) ?? [];
  }
}
