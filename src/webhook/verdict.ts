import type { BrokenSecret } from '../credentials/keyring.ts';
import { excerpt } from '../image/excerpt.ts';
import { SKIP, skippedNames } from '../pin/annotations.ts';
import type { Operation } from '../pin/json-patch.ts';
import type { Mode } from '../pin/opt-in.ts';
import type { Pod } from '../pin/pod.ts';
import { type ImageField, walk } from '../pin/walk.ts';
import { singleLine } from '../registry/error.ts';
import { isUnreached, sentence } from '../resolve/failure.ts';
import type { ImageOutcome } from '../resolve/pin-images.ts';
import type { Verdict } from './review.ts';

/** The images that a refusal names, at most, and its characters: the next try names others. */
const MAX_FAILURES = 20;
const MAX_MESSAGE = 4_000;
/** Characters of what is said of one image. */
const MAX_SENTENCE = 1_000;
/** Characters of an image that messages show at each end, so that cause and remedy fit beside it. */
const IMAGE_ENDS = 50;

/** The verdict on a pod in its mode. Remarks are warnings in any case. */
export function verdictOf(
  mode: Mode,
  outcomes: readonly ImageOutcome[],
  patch: readonly Operation[],
  remarks: readonly string[],
): Verdict {
  const failures = outcomes.flatMap((outcome) => (outcome.result === 'failed' ? [describe(outcome)] : []));
  switch (mode) {
    case 'enforce':
      return failures.length > 0
        ? { allowed: false, message: list(failures), warnings: remarks }
        : { allowed: true, patch, warnings: remarks };
    case 'best-effort':
      return {
        allowed: true,
        patch,
        warnings: [...failures.map((text) => `not pinned: ${text}`), ...remarks],
      };
    case 'audit': {
      const pins = outcomes.flatMap((outcome) =>
        outcome.result === 'pinned'
          ? [`${called(outcome.field)}: would be pinned to ${outcome.pin.digest}`]
          : [],
      );
      return {
        allowed: true,
        warnings: [...failures.map((text) => `can't be pinned: ${text}`), ...remarks, ...pins],
      };
    }
  }
}

/** The warnings for the person who applies a workload: which images can't be pinned, and the consequence. */
export function warningsOnTemplate(mode: Mode, outcomes: readonly ImageOutcome[]): string[] {
  return outcomes.flatMap((outcome) =>
    outcome.result === 'failed' ? [`${consequenceOf(outcome, mode)}: ${describe(outcome)}`] : [],
  );
}

/** Pods aren't refused if another webhook writes a host that can be reached into them before tagpin is called. */
const consequenceOf = ({ failure, error }: Extract<ImageOutcome, { result: 'failed' }>, mode: Mode) =>
  mode === 'enforce' && isUnreached(failure, error)
    ? 'its pods are refused unless another webhook rewrites the image'
    : consequenceIn(mode);

/** The consequence of an image that can't be pinned. */
export const consequenceIn = (mode: Mode) =>
  mode === 'enforce' ? 'its pods will be refused' : "can't be pinned";

function list(failures: readonly string[]): string {
  const shown: string[] = [];
  for (const failure of failures.slice(0, MAX_FAILURES)) {
    if (shown.join('\n').length + failure.length > MAX_MESSAGE) break;
    shown.push(failure);
  }
  const rest = failures.length - shown.length;
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n');
}

function describe({ field, failure }: Extract<ImageOutcome, { result: 'failed' }>): string {
  // The message of an invalid reference quotes the image already, escaped.
  const subject = failure.label === 'invalid_reference' ? named(field) : called(field);
  return singleLine(`${subject}: ${sentence(failure)}`, MAX_SENTENCE);
}

/** The image as messages and logs show it: whole, or without its middle if it is very long. */
export function shown(image: string): string {
  if (image.length <= 2 * IMAGE_ENDS) return excerpt(image);
  return `${excerpt(image.slice(0, IMAGE_ENDS))}…${excerpt(image.slice(-IMAGE_ENDS))}`;
}

const named = ({ place, name }: ImageField) => `${place} "${excerpt(name)}"`;
const called = (field: ImageField) => `${named(field)}: ${shown(field.image)}`;

/** The warnings about a `tagpin.dev/skip` without effect. */
export function remarksOnSkipping(pod: Pod, mode: Mode, honoured: boolean): string[] {
  const names = skippedNames(pod);
  if (names.size === 0) return [];
  if (!honoured) return [`${SKIP} doesn't count here: the configuration forbids it where ${mode} is on`];
  const known = new Set(['*', ...walk(pod.spec).map(({ name }) => name)]);
  return [...names]
    .filter((name) => !known.has(name))
    .map((name) => `${SKIP} names "${excerpt(name)}", which is no container or image volume of this pod`);
}

/** The warnings about digests that aren't what the registry says now, or what the rollout stores. */
export function remarksOnPins(outcomes: readonly ImageOutcome[]): string[] {
  return outcomes.flatMap((outcome) =>
    outcome.result === 'failed'
      ? []
      : (outcome.remarks ?? []).map((remark) => `${called(outcome.field)}: ${remark}`),
  );
}

/** A warning, because the kubelet fails every pull of the pod, whereas tagpin goes on with the other secrets. */
export function remarkOnSecret({ secret, error }: BrokenSecret): string {
  return `pull secret "${secret.name}" keeps the kubelet from pulling any image of this pod: ${error.message}`;
}
