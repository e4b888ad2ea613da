/** What stands in a review for the number of the image, or of the namespace, that it is about. */
export const MARK = '000000';

/** What stands in place of the mark in the review of that number. */
export const numbered = (number: number) => String(number).padStart(MARK.length, '0');

/** About as many as the API server has open to a webhook that is busy. */
export const CONNECTIONS = 16;

/** Reviews that `load-thread.ts` sends, over connections that it keeps. */
export interface Order {
  readonly port: number;
  /** The CA to trust, and the name to ask for. */
  readonly ca: string;
  readonly servername: string;
  /** The whole request, headers and body, with marks where it differs from one to the next. */
  readonly request: string;
  /** How many different requests there are; they take turns. One: the request is sent as it is. */
  readonly variants: number;
  /** Ends after so many milliseconds, or as many requests. */
  readonly until: { readonly milliseconds: number } | { readonly requests: number };
}

/** What came of it. */
export interface Outcome {
  readonly answers: number;
  readonly milliseconds: number;
  /** How much of one core the generator took: near 1 the generator was measured, not the server. */
  readonly generatorLoad: number;
  /** Milliseconds from the request's last byte to the answer's, of the middle one and the slowest hundredth. */
  readonly p50: number;
  readonly p99: number;
}

/** What so great a part of the numbers is not above. */
export function quantile(numbers: readonly number[], part: number): number {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
}
