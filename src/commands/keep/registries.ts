import { atCommandLine } from '../../access/remedies.ts';
import { each } from '../../console/exit.ts';
import type { Progress } from '../../console/terminal.ts';
import { CredentialError } from '../../credentials/credential.ts';
import type { DigestInUse } from '../../fleet/digests-in-use.ts';
import { hold } from '../../hold/hold.ts';
import type { Holder } from '../../hold/manifest.ts';
import { ForeignTag, type Write } from '../../hold/report.ts';
import { type Access, Repository } from '../../hold/repository.ts';
import type { Digest } from '../../image/digest.ts';
import { RegistryError } from '../../registry/error.ts';
import { meaningOf } from '../../registry/failures.ts';
import { explain, sentence } from '../../resolve/failure.ts';

/** What is to be done at the registries. */
export interface Upkeep {
  /** Undefined if nothing is held. */
  hold: { holder: Holder; mayRelease: boolean; tagEach: boolean } | undefined;
  touch: boolean;
  isDryRun: boolean;
  /** Repositories at a time. */
  concurrency: number;
}

/** What was done in one repository. */
export interface KeptRepository {
  repository: string;
  writes: readonly Write[];
  held: readonly Digest[];
  touched: readonly Digest[];
  /** In use, and no longer there. */
  gone: readonly Digest[];
  /** What failed, and what to do about it. */
  problems: readonly string[];
  /** Whether it isn't known what became of it, because the time was up or the command was interrupted. */
  isUnfinished: boolean;
}

/** Holds and touches the digests of each repository. Never rejects: a failure is its repository's. */
export async function keepAll(
  digests: ReadonlyMap<string, readonly DigestInUse[]>,
  upkeep: Upkeep,
  access: Access,
  progress: Progress,
): Promise<KeptRepository[]> {
  const names = [...digests.keys()];
  const kept = names.map((repository): KeptRepository => ({ ...nothing, repository, isUnfinished: true }));
  await each(
    names,
    upkeep.concurrency,
    async (name, index) => {
      progress.begin(name);
      const outcome = await keepOne(
        new Repository(name, access),
        digests.get(name) ?? [],
        upkeep,
        access.signal,
      );
      if (outcome !== undefined) kept[index] = outcome;
      progress.finish(name);
    },
    access.signal,
  );
  return kept;
}

const nothing = { writes: [], held: [], touched: [], gone: [], problems: [] };

async function keepOne(
  repository: Repository,
  digests: readonly DigestInUse[],
  { hold: holding, touch, isDryRun }: Upkeep,
  signal: AbortSignal,
): Promise<KeptRepository | undefined> {
  const kept = { ...nothing, repository: repository.name, isUnfinished: false };
  const errors: unknown[] = [];
  const touched: Digest[] = [];
  const gone = new Set<Digest>();
  try {
    if (holding !== undefined) {
      const report = await hold(repository, { ...holding, wanted: digests, isDryRun });
      Object.assign(kept, { writes: report.writes, held: report.held });
      errors.push(...report.errors);
      for (const digest of report.gone) gone.add(digest);
    }
    if (touch && !isDryRun) {
      for (const { digest, isCertain } of digests) {
        if (gone.has(digest)) continue;
        const manifest = await repository.read({ digest });
        if (manifest !== undefined) touched.push(digest);
        else if (isCertain) gone.add(digest);
      }
    }
  } catch (error) {
    if (signal.aborted) return undefined;
    errors.push(error);
  }
  const problems = await Promise.all(errors.map((error) => problemOf(error, repository)));
  return { ...kept, touched, gone: [...gone].sort(), problems: [...new Set(problems)] };
}

/** A failure as a sentence, for a person who may push. */
async function problemOf(error: unknown, repository: Repository): Promise<string> {
  if (error instanceof ForeignTag) return error.message;
  if (!(error instanceof RegistryError || error instanceof CredentialError)) throw error;
  if (!(error instanceof RegistryError)) return sentence(explain(error));
  const atHand = { ...(await repository.credentials()), secrets: undefined };
  const failure = atCommandLine(explain(error, atHand), error);
  if (meaningOf(error.failure).about !== 'credential') return sentence(failure);
  const sources = [...new Set(atHand.credentials.map(({ source }) => source))].join(', ');
  const remedy =
    sources === ''
      ? 'give credentials that may push there (--docker-config), or name the registries that it is about (--registry)'
      : `let the user of ${sources} push to this repository, or name the registries that it is about (--registry)`;
  return sentence({ ...failure, remedy });
}
