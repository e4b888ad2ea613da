import type { Rules } from './decide.ts';
import { type Mode, modes } from './opt-in.ts';
import type { PatchOptions } from './patch.ts';

/** The section `pin` of the configuration. */
export interface PinSettings extends PatchOptions {
  /** What becomes of an image that came by another digest than its revision stores. */
  otherDigest: 'keep' | 'stored';
  /** Globs of images that are left alone in every namespace. */
  skip: readonly string[];
  /** The modes in which a pod's own `tagpin.dev/skip` counts. */
  skipAnnotation: readonly Mode[];
}

/** The rules for the pods of a namespace that opted in to `mode`. */
export function podRules({ skip, skipAnnotation }: PinSettings, mode: Mode): Rules {
  return { skip, honourSkipAnnotation: skipAnnotation.includes(mode) };
}

/**
 * The rules for a revision's template. There is one set of pins for all modes, so an annotation that doesn't count in
 * one of them doesn't count here: its pods need the pins.
 */
export function revisionRules({ skip, skipAnnotation }: PinSettings): Rules {
  return { skip, honourSkipAnnotation: modes.every((mode) => skipAnnotation.includes(mode)) };
}
