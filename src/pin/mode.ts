/**
 * What a namespace opted in to with its label `tagpin.dev/pin`: `enforce` refuses a pod with an image that can't be
 * pinned, `best-effort` lets it through with a warning, `audit` changes nothing and says what would happen.
 */
export const modes = ['enforce', 'best-effort', 'audit'] as const;
export type Mode = (typeof modes)[number];

/** On a Namespace: its mode. */
export const MODE_LABEL = 'tagpin.dev/pin';

export const isMode = (text: string): text is Mode => modes.some((mode) => mode === text);
