import { z } from 'zod';
import { type Digest, isDigest } from '../image/digest.ts';
import { parseJson } from '../json.ts';
import type { AnnotationChanges, Annotations } from '../pin/json-patch.ts';

/** The prefix of the keys of stored pins: `pins.tagpin.dev/<hash>.<time>`. */
export const PINS = 'pins.tagpin.dev/';

/** Milliseconds for which stored pins are cached. They change when a person adopts the revision. */
export const BELIEVED_MS = 30_000;

/** The hash in the keys of an object that has no hash label. */
export const OWN_HASH = 'own';

/**
 * A revision's stored pins: image as written → digest, or `null` if the tag couldn't be resolved when the revision was
 * created. An image that they lack isn't in the revision's template.
 */
export type Pins = ReadonlyMap<string, Digest | null>;

interface Key {
  hash: string;
  /** Milliseconds since 1970, and higher than in any earlier key. */
  time: number;
}

/**
 * The pins that an object stores: those under the newest key of its own hash.
 *
 * `kubectl rollout undo` copies a ReplicaSet's annotations to its Deployment, whose controller copies them to every
 * ReplicaSet, over those with the same key (kubectl pkg/polymorphichelpers/rollback.go, kubernetes
 * pkg/controller/deployment/util/deployment_util.go). So a key of another hash belongs to another revision,
 * and a key with its time can't be overwritten by an older copy.
 */
export function readPins(annotations: Annotations, hash: string): Pins | undefined {
  return newestPins(annotations, hash)?.pins;
}

/** The same, and the time in their key. */
export function newestPins(annotations: Annotations, hash: string): { time: number; pins: Pins } | undefined {
  let newest: { time: number; pins: Pins } | undefined;
  for (const [name, value] of Object.entries(annotations ?? {})) {
    const key = parseKey(name);
    if (key?.hash !== hash || key.time <= (newest?.time ?? -1)) continue;
    const pins = parsePins(value);
    if (pins !== undefined) newest = { time: key.time, pins };
  }
  return newest;
}

/**
 * The changes that store pins: a key newer than all others of that hash, which are removed, and so are those that can't be
 * read. No changes if the pins are stored already.
 *
 * At {@link LATEST}, which only a person can have written, no newer key is left, and the pins are written over the old ones.
 *
 * @param now milliseconds since 1970
 * @param copies annotations of the object's owner, which its controller may copy to the object
 */
export function storePins(
  annotations: Annotations,
  hash: string,
  pins: Pins,
  now: number,
  copies: Annotations = undefined,
): AnnotationChanges {
  const stored = readPins(annotations, hash);
  const copied = ownKeys(copies, hash);
  const own = ownKeys(annotations, hash);
  const latest = Math.max(-1, ...[...own, ...copied].map(({ time }) => time));
  const isNewest = own.some(({ time }) => time === latest);
  if (stored !== undefined && isNewest && printPins(stored) === printPins(pins)) return {};
  const outdated = [...own.map(({ name }) => name), ...unreadableKeys(annotations, hash)];
  return {
    ...Object.fromEntries(outdated.map((name) => [name, null])),
    [printKey({ hash, time: Math.min(Math.max(now, latest + 1), LATEST) })]: printPins(pins),
  };
}

/** The keys of all stored pins, of whichever revision. */
export function pinKeys(annotations: Annotations): string[] {
  return Object.keys(annotations ?? {}).filter((name) => name.startsWith(PINS));
}

function ownKeys(annotations: Annotations, hash: string): (Key & { name: string })[] {
  return pinKeys(annotations).flatMap((name) => {
    const key = parseKey(name);
    return key?.hash === hash ? [{ ...key, name }] : [];
  });
}

const unreadableKeys = (annotations: Annotations, hash: string) =>
  pinKeys(annotations).filter((name) => name.startsWith(`${PINS}${hash}.`) && parseKey(name) === undefined);

const pinsSchema = z.record(z.string(), z.string().nullable());

function parsePins(text: string): Pins | undefined {
  const parsed = pinsSchema.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  // An invalid digest may be a newer tagpin's, or a mistake: it counts as unknown.
  return new Map(
    Object.entries(parsed.data).map(([image, digest]) => [
      image,
      digest !== null && isDigest(digest) ? digest : null,
    ]),
  );
}

/** Sorted by image, so that equal pins read equal. */
function printPins(pins: Pins): string {
  return JSON.stringify(Object.fromEntries([...pins].sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Ten digits at most, as the policies of `known-rollouts` read them. */
const KEY = /^(.+)\.([0-9a-z]{1,10})$/;
const BASE = 36;
/** The latest time that a key can have, in the year 117,829. */
export const LATEST = BASE ** 10 - 1;

/** @returns undefined for any other annotation */
function parseKey(name: string): Key | undefined {
  if (!name.startsWith(PINS)) return undefined;
  const [, hash, digits] = KEY.exec(name.slice(PINS.length)) ?? [];
  if (hash === undefined || digits === undefined) return undefined;
  return { hash, time: Number.parseInt(digits, BASE) };
}

function printKey({ hash, time }: Key): string {
  return `${PINS}${hash}.${time.toString(BASE)}`;
}
