import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import { compareRunning, type Running } from './compare.ts';
import type { RegistryView } from './content.ts';
import type { Image } from './examine.ts';
import type { Usage } from './fleet.ts';

/** A usage with its image. */
export interface UsageImage {
  usage: Usage;
  image: Image;
}

/** One place in the pods of a revision, with what they run there. */
export interface RevisionPlace<T extends UsageImage> {
  used: readonly T[];
  /** Each digest once for each platform it runs on. */
  running: readonly (Running & { from: 'spec' | 'imageID' })[];
  reference: Reference;
}

/** The places of revisions where several digests run, whether or not they are the same image. */
export function divided<T extends UsageImage>(all: readonly T[]): RevisionPlace<T>[] {
  const places = Map.groupBy(
    all.filter(({ usage }) => usage.revision !== undefined),
    ({ usage: { revision, place, name } }) => JSON.stringify([revision, place, name]),
  );
  return [...places.values()].flatMap((used): RevisionPlace<T>[] => {
    const running = new Map<string, RevisionPlace<T>['running'][number]>();
    for (const { usage, image } of used) {
      const { runs } = image;
      // A digest of another repository is no evidence about this one.
      if (runs === undefined || runs.isElsewhere) continue;
      const { platform } = usage;
      const key = `${runs.digest} ${platform}`;
      // One pod's spec vouches for the digest of all pods that run it.
      const from = running.get(key)?.from === 'spec' ? 'spec' : runs.from;
      running.set(key, { digest: runs.digest, from, platform });
    }
    const digests = new Set([...running.values()].map(({ digest }) => digest));
    const [first] = used;
    if (digests.size < 2 || first === undefined) return [];
    return [{ used, running: [...running.values()], reference: first.image.reference }];
  });
}

/** The digests of a place where two of them aren't the same image; none if all are, or if that isn't known. */
export async function mixedDigests(
  { running, reference }: RevisionPlace<UsageImage>,
  registry: RegistryView | undefined,
): Promise<Digest[]> {
  const pairs = running.flatMap((a, index) => running.slice(index + 1).map((b) => [a, b] as const));
  for (const [a, b] of pairs) {
    if (await differs(a, b, reference, registry))
      return [...new Set(running.map(({ digest }) => digest))].sort();
  }
  return [];
}

type RunningFrom = RevisionPlace<UsageImage>['running'][number];

async function differs(
  a: RunningFrom,
  b: RunningFrom,
  reference: Reference,
  registry: RegistryView | undefined,
): Promise<boolean> {
  if (a.digest === b.digest) return false;
  const areSpecs = a.from === 'spec' && b.from === 'spec';
  // Without a registry, a digest that a node reports may be another name of the same image.
  if (registry === undefined) return areSpecs;
  const { result } = await compareRunning(registry, reference, a, b);
  // A digest that is gone counts as another image. If the registry can't be asked, only specs are evidence.
  return result === 'differ' || result === 'gone' || (result === 'unknown' && areSpecs);
}
