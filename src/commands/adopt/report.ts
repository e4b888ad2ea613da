import type { Adoption } from '../../adoption/adoption.ts';
import { type ExitCode, exitCode } from '../../console/exit.ts';
import { printJson } from '../../json.ts';
import { printTable, shortenDigests } from '../../report/table.ts';
import type { AdoptedRevision, RevisionProblem } from './revision.ts';

/** What `tagpin adopt` did, or would do. */
export interface AdoptionReport {
  namespace: string;
  isDryRun: boolean;
  revisions: readonly AdoptedRevision[];
}

type State = Adoption['state'] | RevisionProblem['kind'];

/** One image of one revision, or a deleted revision, which has no images. */
interface Line {
  revision: string;
  state: State;
  adoption: Adoption | undefined;
  notes: readonly string[];
}

function linesOf({ revisions }: AdoptionReport): Line[] {
  return revisions.flatMap(({ kind, name, images, problem }): Line[] => {
    const revision = `${kind.toLowerCase()}/${name}`;
    if (images.length === 0 && problem !== undefined) {
      return [{ revision, state: problem.kind, adoption: undefined, notes: [problem.message] }];
    }
    return images.map((adoption) => {
      const { state, notes } = adoption;
      const isHit = problem !== undefined && (problem.kind === 'unkept' || adoption.digest !== undefined);
      return isHit
        ? { revision, state: problem.kind, adoption, notes: [problem.message] }
        : { revision, state, adoption, notes };
    });
  });
}

/** A state's words in the table, and after its number in the summary. */
const words: Readonly<Record<State, readonly [string, string]>> = {
  adopted: ['adopted', 'adopted'],
  stored: ['stored already', 'stored already'],
  several: ['several digests', 'with several digests (choose with --prefer newest or --prefer oldest)'],
  held: ['held', 'held by those'],
  unconfirmed: ['unconfirmed', 'unconfirmed'],
  unknown: ['unknown', 'unknown'],
  deleted: ['deleted', 'of deleted revisions'],
  unkept: ['not kept', 'of ReplicationControllers'],
  unwritten: ['not written', 'not written'],
  interrupted: ['interrupted', 'not known yet'],
};

const headings = ['REVISION', 'IMAGE', 'DIGEST', 'PODS', 'FROM', 'STATE', 'NOTE'];

/** For people: a line for each digest that runs. Empty if there is nothing to adopt. */
export function printAdoption(report: AdoptionReport): string {
  const rows = linesOf(report).flatMap(({ revision, state, adoption, notes }) => {
    const { field, digests = [], digest } = adoption ?? {};
    const image = field?.image ?? '-';
    const word = report.isDryRun && state === 'adopted' ? 'to be adopted' : words[state][0];
    const note = shortenDigests(notes.join('; '));
    if (digests.length === 0) return [[revision, image, '-', '-', '-', word, note]];
    return digests.map((running, index) => {
      const isOther = digest !== undefined && running.digest !== digest;
      return [
        revision,
        image,
        shortenDigests(running.digest),
        String(running.pods),
        running.from,
        isOther ? 'passed over' : word,
        (digest === undefined ? index === 0 : !isOther) ? note : '',
      ];
    });
  });
  return rows.length === 0 ? '' : printTable(headings, rows);
}

/** For programs: one object, with an entry for each image of each revision. */
export function printAdoptionJson(report: AdoptionReport): string {
  const { namespace, isDryRun } = report;
  const images = linesOf(report).map(({ revision, state, adoption, notes }) => ({
    revision,
    image: adoption?.field.image,
    state,
    digest: adoption?.digest,
    running: adoption?.digests.map(({ digest, from, pods }) => ({ digest, from, pods })),
    /** The tag's digest now, if a registry was asked. */
    tag: adoption?.tag,
    notes,
  }));
  return printJson({ namespace, dryRun: isDryRun, images });
}

/** Each image counts once, as it is written, in however many revisions; a deleted revision as one. */
const imagesIn = (lines: readonly Line[]) =>
  new Set(lines.map(({ adoption, revision }) => adoption?.field.image ?? revision)).size;

/** A sentence with the number of images, and of their places in revisions in each state. */
export function summarize(report: AdoptionReport): string {
  const { namespace, isDryRun } = report;
  const lines = linesOf(report);
  if (lines.length === 0)
    return `namespace ${namespace} has no pods of revisions with images by tag: nothing to adopt`;
  const counts = Map.groupBy(lines, ({ state }) => state);
  const parts = [...counts].map(([state, { length }]) => {
    const said = isDryRun && state === 'adopted' ? 'to be adopted' : words[state][1];
    return `${length} ${said}`;
  });
  const all = imagesIn(lines);
  const places = all === lines.length ? '' : ` in ${lines.length} places`;
  const sum = `${all === 1 ? '1 image' : `${all} images`}${places}: ${parts.join(', ')}`;
  return isDryRun ? `${sum}; nothing was written (--dry-run)` : sum;
}

/** Findings are images whose digest may change when the next pod starts. */
export function exitCodeOf(report: AdoptionReport): ExitCode {
  const states = linesOf(report).map(({ state }) => state);
  if (states.includes('unwritten') || states.includes('interrupted')) return exitCode.failed;
  const isDone = states.every((state) => state === 'adopted' || state === 'stored');
  return isDone ? exitCode.done : exitCode.findings;
}
