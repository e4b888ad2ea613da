import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import { childrenFor, type RegistryView } from './content.ts';

/**
 * Whether two digests are the same image for a node: `same`, `differ`, or why that isn't known. `gone` names the digest
 * that the repository no longer has.
 */
export type Comparison =
  | { result: 'same' | 'differ' }
  | { result: 'gone'; digest: Digest }
  | { result: 'unknown'; reason: string };

/** A digest that a node runs. */
export interface Running {
  digest: Digest;
  /** The node's; undefined if it isn't known. */
  platform: string | undefined;
}

/**
 * Compares content, not digests. containerd knows an image by its config and reports the first digest it had for it
 * (containerd pkg/cri/server, `ImageStatus`): an index may be reported as its child for the node's platform, or as
 * another index with the same child. Two digests are the same image if they lead to the same config.
 */
export async function compare(
  registry: RegistryView,
  reference: Reference,
  a: Digest,
  b: Digest,
  platform: string | undefined,
): Promise<Comparison> {
  if (a === b) return { result: 'same' };
  const [first, second] = await Promise.all([
    imagesOf(registry, reference, a, platform),
    imagesOf(registry, reference, b, platform),
  ]);
  const problem = first.problem ?? second.problem;
  if (problem !== undefined) return { result: 'unknown', reason: problem };
  if (first.found?.manifests.has(b) || second.found?.manifests.has(a)) return { result: 'same' };
  if (first.found === undefined) return { result: 'gone', digest: a };
  if (second.found === undefined) return { result: 'gone', digest: b };
  if (overlap(first.found.manifests, second.found.manifests)) return { result: 'same' };
  const [ours, theirs] = await Promise.all([
    configsOf(registry, reference, first.found),
    configsOf(registry, reference, second.found),
  ]);
  const reason = ours.problem ?? theirs.problem;
  if (reason !== undefined) return { result: 'unknown', reason };
  return { result: overlap(ours.found, theirs.found) ? 'same' : 'differ' };
}

/**
 * The same for digests on nodes that may differ in platform. An image that isn't an index has nothing for another
 * platform, so two of those can't be compared.
 */
export async function compareRunning(
  registry: RegistryView,
  reference: Reference,
  a: Running,
  b: Running,
): Promise<Comparison> {
  if (a.digest === b.digest) return { result: 'same' };
  if (a.platform === undefined || b.platform === undefined || a.platform === b.platform) {
    return compare(registry, reference, a.digest, b.digest, a.platform ?? b.platform);
  }
  for (const [index, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const answer = await registry.manifest(reference, index.digest);
    if (answer.found?.kind === 'index') {
      return compare(registry, reference, a.digest, b.digest, other.platform);
    }
  }
  return { result: 'unknown', reason: 'they run on nodes of different platforms' };
}

/**
 * Whether a runtime's own id of an image is that of a digest: the config's digest for most (containerd, CRI-O, dockershim),
 * the manifest's for Docker Engine with containerd's image store. False if that isn't known.
 */
export async function isIdOf(
  registry: RegistryView,
  reference: Reference,
  { digest, platform }: Running,
  id: Digest,
): Promise<boolean> {
  if (digest === id) return true;
  const { found } = await imagesOf(registry, reference, digest, platform);
  if (found === undefined || found.manifests.has(id)) return found !== undefined;
  return (await configsOf(registry, reference, found)).found?.has(id) ?? false;
}

interface Images {
  /** The digest itself for a single image, or those of an index's children. */
  manifests: ReadonlySet<Digest>;
  /** A single image's. */
  config: Digest | undefined;
}

/** Neither field if the repository doesn't have it. */
interface ReadResult<T> {
  found?: T;
  problem?: string;
}

async function imagesOf(
  registry: RegistryView,
  reference: Reference,
  digest: Digest,
  platform: string | undefined,
): Promise<ReadResult<Images>> {
  const { found, problem } = await registry.manifest(reference, digest);
  if (found === undefined) return problem === undefined ? {} : { problem };
  if (found.kind !== 'index') {
    return {
      found: { manifests: new Set([digest]), config: found.kind === 'image' ? found.config : undefined },
    };
  }
  const children = childrenFor(found.children, platform).map((child) => child.digest);
  return { found: { manifests: new Set(children), config: undefined } };
}

async function configsOf(
  registry: RegistryView,
  reference: Reference,
  { manifests, config }: Images,
): Promise<ReadResult<ReadonlySet<Digest>>> {
  if (config !== undefined) return { found: new Set([config]) };
  const all = await Promise.all([...manifests].map((digest) => registry.manifest(reference, digest)));
  const problem = all.find((answer) => answer.problem !== undefined)?.problem;
  if (problem !== undefined) return { problem };
  return { found: new Set(all.flatMap(({ found }) => (found?.kind === 'image' ? [found.config] : []))) };
}

function overlap(a: ReadonlySet<Digest> | undefined, b: ReadonlySet<Digest> | undefined): boolean {
  return a !== undefined && b !== undefined && !a.isDisjointFrom(b);
}
