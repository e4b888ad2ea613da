import { RegistryError } from '../registry/error.ts';
import type { SizedDescriptor } from '../registry/origin.ts';
import { type Hold, type Holder, isOf, printHold, readHold } from './manifest.ts';
import { digestTags, tagOfIndex } from './name.ts';
import { ForeignTag, foreignTag, type HoldReport, type HoldRequest, type Wanted } from './report.ts';
import type { Repository } from './repository.ts';
import { holdByTags } from './tag-each.ts';

/**
 * Makes a repository keep what is wanted. Whatever is wanted and was held stays held at every moment: an index is replaced by
 * one request, and of several writes those that add come before those that release.
 *
 * @throws ForeignTag, RegistryError, CredentialError, the signal's reason
 */
export async function hold(repository: Repository, request: HoldRequest): Promise<HoldReport> {
  const { holder, tagEach, mayRelease, wanted } = request;
  const report: HoldReport = { writes: [], held: [], gone: [], errors: [] };
  const before = await readIndex(repository, holder);
  const alsoHeld = mayRelease ? [] : digestsOf(before?.manifests ?? []);
  const all = [
    ...wanted,
    ...alsoHeld
      .filter((digest) => !wanted.some((one) => one.digest === digest))
      .map((digest) => ({ digest, isCertain: false })),
  ];
  const mayHaveTags = tagEach || before === undefined || before.manifests.length === 0;
  const tags = mayHaveTags ? await ownTags(repository, request, report) : [];
  if (tagEach || tags.length > 0) {
    await holdByTags(repository, request, { before, tags, manifests: await described(all) }, report);
    return report;
  }
  const present = await described(all);
  try {
    await writeIndex(repository, request, before, present, report);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (!isRefusal(error)) {
      report.errors.push(error);
      return report;
    }
    // A manifest may have gone since, of which no index can be made.
    const still = await described(all);
    if (still.length < present.length) await writeIndex(repository, request, before, still, report);
    else if (before !== undefined) report.errors.push(error);
    else await holdByTags(repository, request, { before, tags, manifests: still }, report);
  }
  return report;

  /** Those that the repository has. One that can't be asked for stays as it was held. */
  async function described(digests: readonly Wanted[]): Promise<SizedDescriptor[]> {
    report.gone = [];
    const found = await Promise.all(
      digests.map(async ({ digest, isCertain }) => {
        try {
          const descriptor = await repository.describe({ digest });
          if (descriptor === undefined && isCertain) report.gone.push(digest);
          return descriptor;
        } catch (error) {
          if (!(error instanceof RegistryError)) throw error;
          report.errors.push(error);
          return before?.manifests.find((manifest) => manifest.digest === digest);
        }
      }),
    );
    return found.filter((descriptor) => descriptor !== undefined);
  }
}

async function readIndex(repository: Repository, holder: Holder): Promise<Hold | undefined> {
  const tag = tagOfIndex(holder.cluster);
  const manifest = await repository.read({ tag });
  if (manifest === undefined) return undefined;
  const found = readHold(manifest.bytes);
  if (found === undefined || found.cluster !== holder.cluster) {
    throw foreignTag(tag);
  }
  if (isOf(found, holder)) return found;
  const other = `tag ${tag} is the hold of another cluster of that name`;
  throw new ForeignTag(
    holder.uid === undefined
      ? `${other}, or of this one, which only the uid of namespace kube-system tells: it is left alone; ask for the permission to get that`
      : `${other}: it is left alone; choose another name with --cluster, or delete the tag if that cluster is gone`,
  );
}

/** The repository's tags for single digests. A registry that can't list them has perhaps some, which then stay. */
async function ownTags(
  repository: Repository,
  { holder, mayRelease }: HoldRequest,
  report: HoldReport,
): Promise<string[]> {
  try {
    return digestTags(holder.cluster, await repository.tags());
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (mayRelease) report.errors.push(error);
    return [];
  }
}

async function writeIndex(
  repository: Repository,
  { holder, isDryRun }: HoldRequest,
  before: Hold | undefined,
  manifests: readonly SizedDescriptor[],
  report: HoldReport,
): Promise<void> {
  const next = { cluster: holder.cluster, uid: holder.uid ?? before?.uid, manifests };
  const manifest = printHold(next);
  const isChanged =
    before === undefined ? manifests.length > 0 : !printHold(before).bytes.equals(manifest.bytes);
  const tag = tagOfIndex(holder.cluster);
  const heldBefore = digestsOf(before?.manifests ?? []);
  report.held = heldBefore;
  if (isChanged && !isDryRun) await repository.push(tag, manifest);
  report.held = digestsOf(manifests);
  if (!isChanged) return;
  report.writes.push({
    tag,
    adds: report.held.filter((digest) => !heldBefore.includes(digest)),
    releases: heldBefore.filter((digest) => !report.held.includes(digest)),
    isDone: !isDryRun,
  });
}

const digestsOf = (manifests: readonly SizedDescriptor[]) => manifests.map(({ digest }) => digest).sort();

/** Whether a registry doesn't take such a manifest, whoever pushes it and whenever. */
function isRefusal({ status = 0 }: RegistryError): boolean {
  return status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status);
}
