import type { Digest } from '../image/digest.ts';
import { InvalidReference, pinned, type Reference, tagOrLatest } from '../image/reference.ts';
import type { Mode } from '../pin/opt-in.ts';
import { isSkipped } from '../pin/skip-patterns.ts';
import type { Drift, Examined, Image } from './examine.ts';
import type { Finding, FindingKind } from './finding.ts';
import type { Usage } from './fleet.ts';
import type { Workload } from './workload.ts';

/** One image in one place of a workload's pods, with everything that was found out about it. */
export interface AuditedImage {
  workload: Workload;
  managedBy: string | undefined;
  revision: string | undefined;
  place: Usage['place'];
  container: string;
  image: string;
  /** The image before it was pinned, if that is known. */
  written: string | undefined;
  pullPolicy: string | undefined;
  platform: string | undefined;
  pods: readonly string[];
  /** When the last of them was created. */
  newest: string;
  /** The mode in which a new pod of these is pinned; undefined if it isn't, or if that isn't known. */
  mode: Mode | undefined;
  runs: Image['runs'];
  tag: Digest | undefined;
  drift: Drift | undefined;
  /** The image by tag, as it was written; undefined if no tag is known. */
  tagged: string | undefined;
  /** Why it isn't known what runs, although something does. */
  unknown: string | undefined;
  /** The reference to write instead; undefined if none is known. */
  use: string | undefined;
  findings: readonly Finding[];
  notes: readonly string[];
}

export interface Policy {
  /** Globs of images that the configuration skips. */
  skip: readonly string[];
  /** Whether the reference to write keeps the tag. */
  keepTag: boolean;
}

/** A usage with the answers about it. */
export interface Judged {
  usage: Usage;
  image: Image | InvalidReference;
  examined: Examined | undefined;
  /** The digests of its revision, unless all are the same image. */
  mixed: readonly Digest[];
}

/** The audit's findings and notes about an image. */
export function auditImage(
  { usage, image, examined, mixed }: Judged,
  { skip, keepTag }: Policy,
  now: Date,
): AuditedImage {
  const { workload, managedBy, place, name, written, pullPolicy, platform, pods, newest, mode } = usage;
  const isInvalid = image instanceof InvalidReference;
  const about = {
    workload,
    managedBy,
    revision: usage.revisionName,
    place,
    container: name,
    image: usage.image,
    written,
    pullPolicy,
    platform,
    pods,
    newest,
    mode,
    runs: isInvalid ? undefined : image.runs,
    tag: examined?.tag,
    drift: examined?.drift,
    tagged: isInvalid ? undefined : image.written,
    unknown: examined?.unknown,
  };
  if (isInvalid) {
    const findings = [{ kind: 'invalid', message: image.message } as const];
    return { ...about, use: undefined, findings, notes: [] };
  }
  const { reference, tagged } = image;
  const isByTag = reference.digest === undefined;
  const isLeftAlone = isSkipped(reference, skip);
  const prospect = isByTag && !isLeftAlone && pods.length === 0 ? prospectOf(mode, workload, examined) : none;
  const findings: Finding[] = [];
  const add = (kind: FindingKind, message: string | undefined) => {
    if (message !== undefined) findings.push({ kind, message });
  };
  add('gone', examined?.gone);
  add('mixed', mixed.length > 0 ? `its revision runs ${mixed.join(' and ')}` : undefined);
  add('drift', examined?.drift && describeDrift(tagged, examined.drift, now));
  if (isByTag && !isLeftAlone && prospect.mayRunByTag) {
    const { tag } = reference;
    add(
      'latest',
      tagOrLatest(reference) !== 'latest' ? undefined : tag ? 'by the tag latest' : 'without a tag',
    );
    add('unpinned', 'not by digest');
  }
  add('always', !isByTag && pullPolicy === 'Always' ? 'asks the registry at each start' : undefined);
  const use = examined?.use;
  return {
    ...about,
    use:
      use === undefined
        ? undefined
        : isByTag
          ? pinned(reference, use, { keepTag })
          : replaced(usage.image, image, use, keepTag),
    findings,
    notes: [
      ...(isLeftAlone && isByTag ? ['the configuration leaves it alone'] : []),
      ...(prospect.note === undefined ? [] : [prospect.note]),
      ...(examined?.unknown === undefined ? [] : [examined.unknown]),
      ...(examined?.notes ?? []),
    ],
  };
}

/** What tagpin will do with the first pods of a workload that has none. */
interface Prospect {
  /** Whether such a pod may run by tag. */
  mayRunByTag: boolean;
  note: string | undefined;
}

const none: Prospect = { mayRunByTag: true, note: undefined };

function prospectOf(mode: Mode | undefined, { kind }: Workload, examined: Examined | undefined): Prospect {
  const isGone = examined?.gone !== undefined;
  const isUnknown = (examined?.problems ?? []).length > 0;
  // A pinned revision keeps its digest, wherever the tag moved. These two kinds have no revisions.
  const hasRevision = kind !== 'CronJob' && kind !== 'ReplicationController';
  const unless = hasRevision ? ', unless their revision has a digest stored' : '';
  switch (mode) {
    case 'enforce':
      if (isGone) return { mayRunByTag: false, note: `tagpin will refuse its pods${unless}` };
      return { mayRunByTag: false, note: isUnknown ? undefined : PINNED };
    case 'best-effort':
      if (isGone) return { mayRunByTag: true, note: `tagpin will admit its pods as they are${unless}` };
      return { mayRunByTag: false, note: isUnknown ? undefined : PINNED };
    case 'audit':
      return { mayRunByTag: true, note: isGone ? 'tagpin pins nothing here' : undefined };
    default:
      return none;
  }
}

const PINNED = 'tagpin will pin its pods';

/** An image by digest stays as written, unless it needs another digest. */
function replaced(written: string, { reference }: Image, use: Digest, keepTag: boolean): string {
  return use === reference.digest ? written : pinned(reference, use, { keepTag });
}

function describeDrift(tagged: Reference | undefined, { tag, since }: Drift, now: Date): string {
  const has = `tag ${tagged === undefined ? '' : tagOrLatest(tagged)} has ${tag} now`;
  if (since === undefined) return has;
  const age = ageInWords(now.getTime() - since.at.getTime());
  const how =
    since.from === 'created'
      ? `built ${age} ago, by its config's created`
      : `from ${age} ago, by Last-Modified`;
  return `${has}, ${how}`;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds in words, rounded down: `5 min`, `3 h`, `12 d`. */
export function ageInWords(milliseconds: number): string {
  const age = Math.max(milliseconds, 0);
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min`;
  return age < 2 * DAY ? `${Math.floor(age / HOUR)} h` : `${Math.floor(age / DAY)} d`;
}
