import type { Digest } from '../image/digest.ts';
import { InvalidReference, parseReference, type Reference, repository } from '../image/reference.ts';
import { digestPinnedFrom } from '../pin/annotations.ts';
import { compare, isIdOf } from './compare.ts';
import { childrenFor, type RegistryView } from './content.ts';
import type { Usage } from './fleet.ts';

/** A tag that moved after it was pinned or pulled. */
export interface Drift {
  /** The tag's digest now. */
  tag: Digest;
  /** The earliest time it can have moved, if that is known. */
  since: Age | undefined;
}

export interface Age {
  at: Date;
  /** `Last-Modified`: when the registry received the image. `created`: when it was built, by its config. */
  from: 'Last-Modified' | 'created';
}

/** A usage's image, as written and as it runs. */
export interface Image {
  reference: Reference;
  /** By tag only; undefined if no tag is known. */
  tagged: Reference | undefined;
  /** The same as it is written. */
  written: string | undefined;
  /** The digest that runs. The spec's digest counts before the node's. */
  runs: { digest: Digest; from: 'spec' | 'imageID'; isElsewhere: boolean } | undefined;
  /** Why it isn't known what runs, although something does. */
  unknown: { reason: string; id: Digest | undefined } | undefined;
}

/** What the registry says about an image. */
export interface Examined {
  /** The tag's digest now; undefined if it wasn't asked for, or isn't known. */
  tag: Digest | undefined;
  drift: Drift | undefined;
  /** What the registry no longer has, in words. */
  gone: string | undefined;
  /** Why it isn't known what runs, although something does, and what `use` is in that case. */
  unknown: string | undefined;
  /** The digest to write; undefined if none is known. */
  use: Digest | undefined;
  notes: readonly string[];
  /** What couldn't be found out. */
  problems: readonly string[];
}

/** A usage's image, without asking a registry. */
export function imageOf({ image, written, pulled }: Usage): Image | InvalidReference {
  const reference = read(image);
  if (reference instanceof InvalidReference) return reference;
  const { digest } = reference;
  if (digest !== undefined) {
    const isBorneOut = written !== undefined && digestPinnedFrom(image, written) === digest;
    const before = isBorneOut ? read(written) : undefined;
    const visible = reference.tag === undefined ? undefined : withoutDigest(reference);
    const tagged =
      before === undefined || before instanceof InvalidReference ? visible : withoutDigest(before);
    return {
      reference,
      tagged,
      written: before === undefined ? visible && image.slice(0, image.indexOf('@')) : written,
      runs: { digest, from: 'spec', isElsewhere: false },
      unknown: undefined,
    };
  }
  if (pulled?.unknown !== undefined) {
    const unknown = { reason: pulled.unknown, id: pulled.id };
    return { reference, tagged: reference, written: image, runs: undefined, unknown };
  }
  const runs = pulled && {
    digest: pulled.digest,
    from: 'imageID' as const,
    isElsewhere: pulled.repository !== repository(reference),
  };
  return { reference, tagged: reference, written: image, runs, unknown: undefined };
}

/** The result without a registry. */
export function unasked({ reference, runs, unknown }: Image): Examined {
  const isTold = runs !== undefined && !runs.isElsewhere;
  const notes =
    isTold && reference.digest === undefined ? ["by the node's report; no registry was asked"] : [];
  if (runs?.isElsewhere) notes.push("the node reports another repository's digest; no registry was asked");
  return {
    tag: undefined,
    drift: undefined,
    gone: undefined,
    unknown: unknown && notKnown(unknown.reason),
    use: isTold ? runs.digest : undefined,
    notes,
    problems: [],
  };
}

/** Asks the registry about an image that runs on nodes of a platform. Never rejects. */
export async function examine(
  { reference, tagged, runs, unknown }: Image,
  platform: string | undefined,
  registry: RegistryView,
): Promise<Examined> {
  const tag = tagged && (await registry.find(tagged));
  const none = { drift: undefined, gone: undefined, unknown: undefined };
  const nothing = { ...none, tag: tag?.found, notes: [], problems: [] };
  const tagProblems = tag?.problem === undefined ? [] : [tag.problem];
  if (runs === undefined) {
    const gone = tag?.missing === undefined ? undefined : `the tag is ${tag.missing}`;
    if (unknown === undefined || tag?.found === undefined) {
      return {
        ...nothing,
        gone,
        unknown: unknown && notKnown(unknown.reason),
        use: tag?.found,
        problems: tagProblems,
      };
    }
    const { id, reason } = unknown;
    if (id !== undefined && (await isIdOf(registry, reference, { digest: tag.found, platform }, id))) {
      return { ...nothing, use: tag.found, notes: [`what runs is what the tag has, by its id ${id}`] };
    }
    const substitute = `${notKnown(reason)}; what the tag has now may be another image`;
    return { ...nothing, unknown: substitute, use: tag.found };
  }
  const { digest } = runs;
  if (tag?.found === digest) return { ...nothing, use: digest };
  const isPinned = runs.from === 'spec';
  // To compare the two, their manifests have to be read anyway.
  const here = await (tag?.found === undefined
    ? registry.find({ ...reference, digest })
    : registry.manifest(reference, digest));
  const problems = [...new Set([...tagProblems, ...(here.problem === undefined ? [] : [here.problem])])];
  const missing = here.missing;

  if (tag?.found === undefined) {
    const noTag = tag?.missing === undefined ? undefined : `the tag is ${tag.missing}`;
    const gone = isPinned ? describeGone(missing) : noTag;
    const notes = isPinned && noTag !== undefined ? [noTag] : [];
    const isUsable = missing === undefined && !runs.isElsewhere;
    return { ...nothing, gone, notes, problems, use: isPinned || isUsable ? digest : undefined };
  }

  const comparison = await compare(registry, reference, tag.found, digest, platform);
  if (comparison.result === 'same') {
    // A pinned digest, perhaps of the index's child, is intended. A node's report isn't.
    const gone = isPinned ? describeGone(missing) : undefined;
    return { ...nothing, gone, use: isPinned && gone === undefined ? digest : tag.found };
  }
  if (comparison.result === 'unknown') {
    const all = [...new Set([...problems, comparison.reason])];
    return { ...nothing, problems: all, use: isPinned ? digest : tag.found };
  }
  if (runs.isElsewhere && comparison.result === 'gone') {
    const notes = ["the node reports another repository's digest, which can't be compared"];
    return { ...nothing, notes, problems: problems.filter((text) => text !== here.problem), use: tag.found };
  }
  const since = await ageOf(registry, reference, tag.found, platform);
  const isGone = missing !== undefined;
  return {
    ...nothing,
    drift: { tag: tag.found, since },
    gone: describeGone(missing),
    use: isGone ? tag.found : digest,
    problems,
  };
}

const notKnown = (reason: string) => `what runs isn't known: ${reason}`;

const describeGone = (missing: string | undefined) =>
  missing === undefined
    ? undefined
    : `what runs is ${missing}; push it again from a node or a mirror that has it, or roll out`;

/** The age of the image that the tag has now: the tag can't have moved earlier. */
async function ageOf(
  registry: RegistryView,
  reference: Reference,
  digest: Digest,
  platform: string | undefined,
): Promise<Age | undefined> {
  const { found } = await registry.manifest(reference, digest);
  if (found?.lastModified !== undefined) return { at: found.lastModified, from: 'Last-Modified' };
  const image =
    found?.kind === 'index' ? await firstChild(registry, reference, found.children, platform) : found;
  if (image?.kind !== 'image') return undefined;
  const at = await registry.built(reference, image.config);
  return at && { at, from: 'created' };
}

async function firstChild(
  registry: RegistryView,
  reference: Reference,
  children: Parameters<typeof childrenFor>[0],
  platform: string | undefined,
) {
  const [child] = childrenFor(children, platform);
  return child && (await registry.manifest(reference, child.digest)).found;
}

function withoutDigest(reference: Reference): Reference {
  const { digest: _, ...rest } = reference;
  return rest;
}

function read(image: string): Reference | InvalidReference {
  try {
    return parseReference(image);
  } catch (error) {
    if (error instanceof InvalidReference) return error;
    throw error;
  }
}
