import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import { compareRunning, type Running } from './compare.ts';
import type { RegistryView } from './content.ts';
import type { Image } from './examine.ts';
import type { Usage } from './usage.ts';

/** A usage with its image. */
export interface Used {
  usage: Usage;
  image: Image;
}

/** What pods of one revision run in one of their places. */
export interface Cohort<T extends Used> {
  used: readonly T[];
  /** Each digest once for each platform that it runs on. */
  running: readonly (Running & { from: 'spec' | 'imageID' })[];
  reference: Reference;
}

/** The places of revisions in which several digests run, alike or not. */
export function divided<T extends Used>(all: readonly T[]): Cohort<T>[] {
  const places = Map.groupBy(
    all.filter(({ usage }) => usage.revision !== undefined),
    ({ usage: { revision, place, name } }) => JSON.stringify([revision, place, name]),
  );
  return [...places.values()].flatMap((used): Cohort<T>[] => {
    const running = new Map<string, Cohort<T>['running'][number]>();
    for (const { usage, image } of used) {
      const { runs } = image;
      // Another repository's digest says something of that repository.
      if (runs === undefined || runs.isElsewhere) continue;
      const { platform } = usage;
      const key = `${runs.digest} ${platform}`;
      // What one pod's spec says of a digest is as good for all that run it.
      const from = running.get(key)?.from === 'spec' ? 'spec' : runs.from;
      running.set(key, { digest: runs.digest, from, platform });
    }
    const digests = new Set([...running.values()].map(({ digest }) => digest));
    const [first] = used;
    if (digests.size < 2 || first === undefined) return [];
    return [{ used, running: [...running.values()], reference: first.image.reference }];
  });
}

/** The digests that pods run, of which two aren't the same image; none if all are, or if that can't be told. */
export async function mixedDigests(
  { running, reference }: Cohort<Used>,
  registry: RegistryView | undefined,
): Promise<Digest[]> {
  const pairs = running.flatMap((a, index) => running.slice(index + 1).map((b) => [a, b] as const));
  for (const [a, b] of pairs) {
    if (await differs(a, b, reference, registry))
      return [...new Set(running.map(({ digest }) => digest))].sort();
  }
  return [];
}

type Member = Cohort<Used>['running'][number];

async function differs(
  a: Member,
  b: Member,
  reference: Reference,
  registry: RegistryView | undefined,
): Promise<boolean> {
  if (a.digest === b.digest) return false;
  const areSpecs = a.from === 'spec' && b.from === 'spec';
  // Without a registry, what nodes report can't be told from another name of the same image.
  if (registry === undefined) return areSpecs;
  const { result } = await compareRunning(registry, reference, a, b);
  // What isn't there any more was another image, as far as anybody can tell; of what can't be asked nothing is said.
  return result === 'differ' || result === 'gone' || (result === 'unknown' && areSpecs);
}
