import type { Rules } from './decide.ts';
import { type Mode, modes } from './opt-in.ts';
import type { PatchOptions } from './patch.ts';

/** What a pod gets whose stored digest is gone: that digest nevertheless, or what its tag has now. */
export const whenGone = ['keep', 'tag'] as const;
export type WhenGone = (typeof whenGone)[number];

/** The section `pin` of the configuration. */
export interface PinSettings extends PatchOptions {
  /** What becomes of an image that came by another digest than its revision stores. */
  otherDigest: 'keep' | 'stored';
  /** Globs of images that are left alone in every namespace. */
  skip: readonly string[];
  /** The modes in which a pod's own `tagpin.dev/skip` counts. */
  skipAnnotation: readonly Mode[];
  whenGone: WhenGone;
}

/** `enforce` never replaces a stored digest: what doesn't start is seen, and another build might not be. */
export const whenGoneIn = ({ whenGone }: Pick<PinSettings, 'whenGone'>, mode: Mode): WhenGone =>
  mode === 'best-effort' ? whenGone : 'keep';

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
