import { median } from './rounds.ts';

/** A value at a time, in seconds. */
export interface Point {
  readonly at: number;
  readonly value: number;
}

/** What a value may have grown by from the first sample to the last, beyond which it isn't flat. */
export interface Bound {
  /** As a part of the middle value. */
  readonly share: number;
  /** At least so much, in the value's unit: what is small may double. */
  readonly least: number;
}

export interface Trend {
  readonly middle: number;
  readonly most: number;
  /** From the first sample to the last, along the line through all of them. */
  readonly growth: number;
  readonly allowed: number;
  readonly flat: boolean;
}

/**
 * The line through points by Theil and Sen: the middle of the slopes of all pairs. Peaks, which garbage collections and
 * other programs make, don't turn it.
 */
export function slopeOf(points: readonly Point[]): number {
  const slopes = points.flatMap((from, index) =>
    points.slice(index + 1).map((to) => (to.value - from.value) / (to.at - from.at)),
  );
  return median(slopes);
}

/** Whether a value has stayed where it was. It may fall. */
export function trendOf(points: readonly Point[], { share, least }: Bound): Trend {
  const values = points.map(({ value }) => value);
  const middle = median(values);
  const seconds = (points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0);
  const growth = slopeOf(points) * seconds;
  const allowed = Math.max(least, middle * share);
  return { middle, most: Math.max(...values), growth, allowed, flat: growth <= allowed };
}
