import type { Digest } from '../image/digest.ts';
import { RegistryError } from '../registry/error.ts';
import { isIndex } from '../registry/manifest.ts';
import type { SizedDescriptor } from '../registry/origin.ts';
import { childrenOf, type Hold, isOf, printHold, readHold } from './manifest.ts';
import { isTagOf, tagOfDigest, tagOfIndex } from './name.ts';
import { ForeignTag, foreignTag, type HoldReport, type HoldRequest } from './report.ts';
import type { Repository } from './repository.ts';

/** What the repository has. */
export interface Present {
  /** The hold as an index, if there is one. */
  before: Hold | undefined;
  /** The cluster's tags for single digests. */
  tags: readonly string[];
  /** What is to be held. */
  manifests: readonly SizedDescriptor[];
}

/**
 * Holds each manifest under a tag of its own, and then releases those that are no longer wanted, and the index: no request
 * deletes, so a released tag gets an empty index.
 *
 * What an index refers to gets tags too, before the index: where garbage collection follows no index, a tag of an index keeps
 * none of its images (distribution#3178).
 */
export async function holdByTags(
  repository: Repository,
  request: HoldRequest,
  { before, tags, manifests }: Present,
  report: HoldReport,
): Promise<void> {
  const { holder, wanted, mayRelease, tagEach } = request;
  if (before === undefined && tagEach && manifests.length > 0) await claim(repository, request, report);
  const needed = new Set(wanted.map(({ digest }) => tagOfDigest(holder.cluster, digest)));
  const held = await Promise.all(
    manifests.map((descriptor) =>
      collected(report, async () => {
        const parts = await childrenIn(repository, descriptor);
        for (const digest of parts) needed.add(tagOfDigest(holder.cluster, digest));
        for (const digest of parts) await holdOne(repository, request, digest, report);
        if (await holdOne(repository, request, descriptor.digest, report))
          report.held.push(descriptor.digest);
        else report.gone.push(descriptor.digest);
      }),
    ),
  );
  report.held.sort();
  if (!mayRelease || held.includes(false)) return;
  for (const tag of tags) {
    if (needed.has(tag)) continue;
    await collected(report, () => releaseOne(repository, request, tag, report));
  }
  if (before === undefined || before.manifests.length === 0) return;
  await collected(report, async () => {
    const released = before.manifests.map(({ digest }) => digest);
    const uid = holder.uid ?? before.uid;
    await release(repository, { ...request, holder: { ...holder, uid } }, tagOfIndex(holder.cluster), {
      report,
      released: released.filter((digest) => !report.held.includes(digest)),
    });
  });
}

/**
 * Says by an empty index whose the tags are, so that another cluster of that name is refused. A registry that takes no index
 * has only the name.
 */
async function claim(repository: Repository, request: HoldRequest, report: HoldReport): Promise<void> {
  try {
    await release(repository, request, tagOfIndex(request.holder.cluster), { report, released: [] });
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
}

/** The digests that an index refers to and the repository has. */
async function childrenIn(repository: Repository, { digest, mediaType }: SizedDescriptor): Promise<Digest[]> {
  if (!isIndex(mediaType)) return [];
  const manifest = await repository.read({ digest });
  const children = manifest === undefined ? [] : childrenOf(manifest.bytes);
  const found = await Promise.all(children.map((child) => repository.describe({ digest: child })));
  return found.flatMap((child) => child?.digest ?? []);
}

/** Whether the digest is held; false if it has gone. */
async function holdOne(
  repository: Repository,
  { holder, isDryRun }: HoldRequest,
  digest: Digest,
  report: HoldReport,
): Promise<boolean> {
  const tag = tagOfDigest(holder.cluster, digest);
  const current = await repository.describe({ tag });
  if (current?.digest === digest) return true;
  if (current !== undefined) await mustBeReleased(repository, { holder }, tag);
  if (!isDryRun) {
    const manifest = await repository.read({ digest });
    if (manifest === undefined) return false;
    await repository.push(tag, manifest);
  }
  report.writes.push({ tag, adds: [digest], releases: [], isDone: !isDryRun });
  return true;
}

/** @throws ForeignTag unless the tag has the empty index of a released hold */
async function mustBeReleased(
  repository: Repository,
  { holder }: Pick<HoldRequest, 'holder'>,
  tag: string,
): Promise<void> {
  const manifest = await repository.read({ tag });
  const found = manifest && readHold(manifest.bytes);
  if (
    manifest === undefined ||
    (found !== undefined && isOf(found, holder) && found.manifests.length === 0)
  ) {
    return;
  }
  throw foreignTag(tag);
}

async function releaseOne(
  repository: Repository,
  request: HoldRequest,
  tag: string,
  report: HoldReport,
): Promise<void> {
  const current = await repository.describe({ tag });
  if (current === undefined) return;
  if (!isTagOf(tag, current.digest)) return mustBeReleased(repository, request, tag);
  await release(repository, request, tag, { report, released: [current.digest] });
}

async function release(
  repository: Repository,
  { holder, isDryRun }: HoldRequest,
  tag: string,
  { report, released }: { report: HoldReport; released: readonly Digest[] },
): Promise<void> {
  if (!isDryRun) await repository.push(tag, printHold({ ...holder, manifests: [] }));
  report.writes.push({ tag, adds: [], releases: released, isDone: !isDryRun });
}

/** Whether the work succeeded. Its failure is reported, and doesn't stop the rest. */
async function collected(report: HoldReport, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof RegistryError || error instanceof ForeignTag)) throw error;
    report.errors.push(error);
    return false;
  }
}
