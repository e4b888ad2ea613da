/**
 * How something stands: `ok`; a `problem`, which wants mending; a `note`, which is neither; or `not asked`, because
 * whoever runs this may not.
 */
export type Result = 'ok' | 'problem' | 'note' | 'not asked';

export interface Check {
  /** What was looked at: a few words, stable. */
  name: string;
  result: Result;
  /** What was found, and what to do if that isn't well. */
  detail: string;
}

/** What was read of the API server, or why it wasn't. */
export type Asked<T> = { value: T; refused?: undefined } | { refused: string };

/** A check of what has been read, if it has been. */
export function checkOf<T>(name: string, asked: Asked<T>, judge: (value: T) => Omit<Check, 'name'>): Check {
  if (asked.refused !== undefined) return { name, result: 'not asked', detail: asked.refused };
  return { name, ...judge(asked.value) };
}
