import { type ExitCode, exitCode } from '../../console/exit.ts';
import { printJson } from '../../json.ts';
import type { Check, CheckResult } from '../../preflight/check.ts';
import { type ImageCheck, isFinding, notesOf } from '../../preflight/image-use.ts';
import { printable } from '../../printable.ts';
import { printTable } from '../../report/table.ts';
import { shown } from '../../webhook/verdict.ts';

/** The result of `tagpin preflight`. */
export interface PreflightReport {
  namespace: string;
  checks: readonly Check[];
  images: readonly ImageCheck[];
  /** Why not all images are known, each in a sentence. */
  unread: readonly string[];
}

/** For people: a table of the checks, and one of the images. */
export function printPreflight({ checks, images }: PreflightReport): string {
  const standing = printTable(
    ['CHECK', 'RESULT', 'DETAIL'],
    checks.map(({ name, result, detail }) => [name, result, detail.replaceAll('\n', ' ')]),
  );
  if (images.length === 0) return standing;
  const condition = conditionOf(checks);
  const rows = images.map((check) => {
    const { users } = check;
    const [first = '-', ...others] = users;
    return [
      imageOf(check),
      check.state === 'pinned' ? check.digest : '-',
      check.state === 'pinned' ? check.credential : '-',
      words[check.state],
      others.length === 0 ? first : `${first} and ${others.length} more`,
      notesOf(check, condition).join('; ').replaceAll('\n', ' '),
    ];
  });
  return `${standing}\n${printTable(['IMAGE', 'DIGEST', 'CREDENTIAL', 'ENFORCE', 'USED BY', 'NOTE'], rows)}`;
}

/** Whole, because it is copied, unless it is no image. */
function imageOf({ decided: { decision, field } }: ImageCheck): string {
  return decision.action === 'refuse' ? shown(field.image) : printable(field.image);
}

/** What has to happen before images are pinned. */
const conditionOf = (checks: readonly Check[]) => checks.find(({ condition }) => condition)?.condition;

const words: Readonly<Record<ImageCheck['state'], string>> = {
  pinned: 'pins it',
  left: 'leaves it',
  refused: 'refuses it',
  unknown: 'unknown',
};

/** For programs: one object. */
export function printPreflightJson({ namespace, checks, images, unread }: PreflightReport): string {
  const condition = conditionOf(checks);
  const entries = images.map((check) => ({
    image: check.decided.field.image,
    state: check.state,
    digest: check.state === 'pinned' ? check.digest : undefined,
    credential: check.state === 'pinned' ? check.credential : undefined,
    condition: check.state === 'pinned' ? condition : undefined,
    pull: check.state === 'pinned' ? check.pull : undefined,
    message: 'message' in check ? check.message : undefined,
    reason: check.state === 'left' ? check.reason : undefined,
    usedBy: check.users,
    serviceAccount: check.puller.serviceAccountName,
    pullSecrets: check.puller.imagePullSecrets,
    stored: check.stored,
    idle: check.isIdle,
  }));
  return printJson({ namespace, checks, images: entries, unread });
}

/** A sentence with the number of images and of checks with each result. */
export function summarizePreflight({ namespace, checks, images }: PreflightReport): string {
  const condition = conditionOf(checks);
  const inUse = images.filter(({ isIdle }) => !isIdle);
  const verdicts = counts([...byImage(inUse).values()], (state) => state);
  const said = (['pinned', 'left', 'refused', 'unknown'] as const).flatMap((state) => {
    const count = verdicts.get(state);
    const only = state === 'pinned' && condition !== undefined ? ` ${condition}` : '';
    return count === undefined ? [] : [`${count} ${summarized[state]}${only}`];
  });
  const { size } = byImage(inUse);
  const idle = byImage(images).size - size;
  const found =
    (images.length === 0
      ? `nothing in namespace ${namespace} has an image`
      : `${size} ${size === 1 ? 'image' : 'images'}${said.length === 0 ? '' : `: ${said.join(', ')}`}`) +
    (idle === 0 ? '' : `, and ${idle} more only for a rollback`);
  const results = counts(checks, ({ result }) => result);
  const told = (['problem', 'not asked', 'unknown'] as const satisfies CheckResult[]).flatMap((result) => {
    const count = results.get(result);
    return count === undefined ? [] : [`${count} ${result}${result === 'problem' && count > 1 ? 's' : ''}`];
  });
  if (checks.length === 0) return `${found}; checks not known yet`;
  return `${found}; ${checks.length} checks: ${told.length === 0 ? 'no problem' : told.join(', ')}`;
}

/** The graver a state, the later it stands. */
const states = ['left', 'pinned', 'unknown', 'refused'] as const satisfies ImageCheck['state'][];

/** The gravest state of each image, as it was written: pods by digest and their template count as one. */
function byImage(images: readonly ImageCheck[]): Map<string, ImageCheck['state']> {
  const graver = images.toSorted((a, b) => states.indexOf(a.state) - states.indexOf(b.state));
  return new Map(graver.map(({ written, state }) => [written, state]));
}

const summarized: Readonly<Record<ImageCheck['state'], string>> = {
  pinned: 'would be pinned',
  left: 'left as they are',
  refused: 'refused',
  unknown: 'unknown',
};

function counts<T, K>(all: readonly T[], keyOf: (one: T) => K): Map<K, number> {
  return new Map([...Map.groupBy(all, keyOf)].map(([key, { length }]) => [key, length]));
}

/** A result that is unknown is a failure. One that the person has no permission for isn't. */
export function preflightExitCode({ checks, images, unread }: PreflightReport): ExitCode {
  const isUnknown =
    unread.length > 0 ||
    images.some(({ state }) => state === 'unknown') ||
    checks.some(({ result }) => result === 'unknown');
  if (isUnknown) return exitCode.failed;
  const isWell = !images.some(isFinding) && checks.every(({ result }) => result !== 'problem');
  return isWell ? exitCode.done : exitCode.findings;
}
