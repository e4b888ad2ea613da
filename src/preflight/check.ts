/**
 * The result of a check: `ok`, a `problem` to fix, a `note`, `not asked` for lack of permission, or `unknown` for lack of
 * an answer.
 */
export type CheckResult = 'ok' | 'problem' | 'note' | 'not asked' | 'unknown';

export interface Check {
  /** What is checked, in stable words. */
  name: string;
  result: CheckResult;
  /** What was found, with the remedy for a problem. */
  detail: string;
  /** What has to happen before any image is pinned: `once …`. */
  condition?: string;
}

/** What the API server answered, or why there is no answer. */
export type Asked<T> = { value: T; result?: undefined } | { result: 'not asked' | 'unknown'; why: string };

/** A check that judges the answer, if there is one. */
export function checkOf<T>(name: string, asked: Asked<T>, judge: (value: T) => Omit<Check, 'name'>): Check {
  if (asked.result !== undefined) return { name, result: asked.result, detail: asked.why };
  return { name, ...judge(asked.value) };
}
