/**
 * How something stands: `ok`; a `problem`, which wants mending; a `note`, which is neither; `not asked`, because whoever
 * runs this may not; or `unknown`, because there was no answer.
 */
export type CheckResult = 'ok' | 'problem' | 'note' | 'not asked' | 'unknown';

export interface Check {
  /** What was looked at: a few words, stable. */
  name: string;
  result: CheckResult;
  /** What was found, and what to do if that isn't well. */
  detail: string;
  /** What has to be first for any image to be pinned, whatever is said of the images: `once …`. */
  condition?: string;
}

/** What was read of the API server, or why it wasn't. */
export type Asked<T> = { value: T; result?: undefined } | { result: 'not asked' | 'unknown'; why: string };

/** A check of what has been read, if it has been. */
export function checkOf<T>(name: string, asked: Asked<T>, judge: (value: T) => Omit<Check, 'name'>): Check {
  if (asked.result !== undefined) return { name, result: asked.result, detail: asked.why };
  return { name, ...judge(asked.value) };
}
