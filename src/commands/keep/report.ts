import { type ExitCode, exitCode } from '../../console/exit.ts';
import type { DigestInUse } from '../../fleet/digests-in-use.ts';
import { printJson } from '../../json.ts';
import { printTable, shortenDigests } from '../../report/table.ts';
import type { KeptRepository } from './registries.ts';

/** What `tagpin keep` found, and did at the registries. */
export interface KeepReport {
  /** The kubeconfig's name of the cluster, if it has one, and the API server's address. */
  cluster: { name: string | undefined; server: string };
  /** Undefined for all. */
  namespaces: readonly string[] | undefined;
  digests: readonly DigestInUse[];
  /** Undefined if no registry was asked. */
  repositories: readonly KeptRepository[] | undefined;
  isDryRun: boolean;
}

/** For programs: one object. */
export function printKeepJson({ cluster, namespaces, digests, repositories, isDryRun }: KeepReport): string {
  const report = {
    cluster,
    namespaces,
    digests: digests.map(({ repository, digest, uses, isCertain }) => ({
      image: `${repository}@${digest}`,
      repository,
      digest,
      certain: isCertain,
      uses,
    })),
    ...(repositories !== undefined && {
      dryRun: isDryRun,
      repositories: repositories.map(({ writes, isUnfinished, ...rest }) => ({
        ...rest,
        writes: writes.map(({ isDone, ...write }) => ({ ...write, done: isDone })),
        unfinished: isUnfinished,
      })),
    }),
  };
  return printJson(report);
}

/** For people: a line for each write, or for a repository without any. */
export function printKept(repositories: readonly KeptRepository[], isDryRun: boolean): string {
  const rows = repositories.flatMap(({ writes, ...kept }) => {
    const [repository, held, note] = [kept.repository, String(kept.held.length), noteOf(kept)];
    if (writes.length === 0) return [[repository, held, '-', '-', '-', note]];
    return writes.map(({ tag, adds, releases }, index) => [
      repository,
      held,
      isDryRun ? `${tag} (not written)` : tag,
      listed(adds),
      listed(releases),
      index === 0 ? note : '',
    ]);
  });
  const headings = ['REPOSITORY', 'HELD', 'TAG WRITTEN', 'ADDS', 'RELEASES', 'NOTE'];
  return rows.length === 0 ? '' : printTable(headings, rows);
}

/** The same where nothing is held. */
export function printTouched(repositories: readonly KeptRepository[]): string {
  const rows = repositories.map((kept) => [kept.repository, String(kept.touched.length), noteOf(kept)]);
  return rows.length === 0 ? '' : printTable(['REPOSITORY', 'TOUCHED', 'NOTE'], rows);
}

/** Standard error says what failed. */
function noteOf({ gone, problems, isUnfinished }: Omit<KeptRepository, 'writes'>): string {
  const parts = [
    ...gone.map((digest) => `${shortenDigests(digest)} is gone`),
    ...(problems.length > 0 ? ['failed'] : []),
    ...(isUnfinished ? ['not finished'] : []),
  ];
  return parts.join(', ');
}

const listed = (digests: readonly string[]) =>
  digests.length === 0 ? '-' : shortenDigests(digests.join(','));

/** A sentence with what was found and done. */
export function summarize({ digests, repositories, isDryRun }: KeepReport): string {
  const places = new Set(digests.map(({ repository }) => repository)).size;
  const found = `${count(digests.length, 'digest')} in ${count(places, 'repository', 'repositories')} must not be deleted`;
  if (repositories === undefined) return found;
  const sum = (of: (kept: KeptRepository) => readonly unknown[]) =>
    repositories.reduce((total, kept) => total + of(kept).length, 0);
  const parts = [
    `${sum(({ held }) => held)} held`,
    `${count(
      sum(({ writes }) => writes),
      'tag',
    )} ${isDryRun ? 'to be written' : 'written'}`,
    ...optional(
      sum(({ touched }) => touched),
      'touched',
    ),
    ...optional(
      sum(({ gone }) => gone),
      'gone already',
    ),
    ...optional(repositories.filter(hasFailed).length, 'repositories not done'),
  ];
  const nothing = isDryRun ? '; nothing was written (--dry-run)' : '';
  return `${found}: ${parts.join(', ')}${nothing}`;
}

const count = (number: number, one: string, several = `${one}s`) =>
  `${number} ${number === 1 ? one : several}`;
const optional = (number: number, what: string) => (number === 0 ? [] : [`${number} ${what}`]);
const hasFailed = ({ problems, isUnfinished }: KeptRepository) => problems.length > 0 || isUnfinished;

/** A finding is a digest in use that its registry has deleted. */
export function exitCodeOf({ repositories = [] }: KeepReport): ExitCode {
  if (repositories.some(hasFailed)) return exitCode.failed;
  return repositories.some(({ gone }) => gone.length > 0) ? exitCode.findings : exitCode.done;
}
