import { median } from './turns.ts';

/** What a value may have grown by from the first sample to the last. */
export interface Bound {
  /** As a part of the median. */
  readonly share: number;
  /** At least so much, in the value's unit: what is small may double. */
  readonly least: number;
}

/**
 * How much a value has grown over evenly spaced samples, and what is allowed; it may fall. The medians of both halves are
 * half the time apart. Peaks, which garbage collections and other programs make, don't move them.
 */
export function trendOf(values: readonly number[], { share, least }: Bound) {
  const half = Math.floor(values.length / 2);
  return {
    median: median(values),
    most: Math.max(...values),
    growth: 2 * (median(values.slice(-half)) - median(values.slice(0, half))),
    allowed: Math.max(least, median(values) * share),
  };
}
