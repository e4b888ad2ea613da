import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { z } from 'zod';

/** The variable that names the folder of a run; the global setup sets it. Without it nothing is recorded. */
export const recordVariable = 'TAGPIN_TEST_RECORD';

/** A shorter one would match harmless words. */
export const SHORTEST = 8;

const secretEntry = z.object({ secret: z.string() });
const saidEntry = z.object({ by: z.string(), text: z.string() });

const folder = process.env[recordVariable];
const write = (kind: string, entry: object) => {
  if (folder !== undefined)
    appendFileSync(join(folder, `${kind}-${process.pid}`), `${JSON.stringify(entry)}\n`);
};

/** Records a secret that tagpin is given and must never print. */
export function keepSecret(secret: string): void {
  if (folder !== undefined && secret.length < SHORTEST) {
    throw new Error(`the secret "${secret}" is too short to be looked for: give it ${SHORTEST} characters`);
  }
  write('secrets', { secret });
}

/** Records tagpin's output: a log, metrics, a message, a report. Returns it. */
export function said<T extends string>(by: string, text: T): T {
  if (text !== '') write('said', { by, text });
  return text;
}

/** Records an error with its causes and properties. */
export function saidError(by: string, error: unknown): void {
  said(by, inspect(error, { depth: 8 }));
}

/** What a run has recorded. */
export interface Recorded {
  readonly secrets: readonly string[];
  readonly said: readonly { readonly by: string; readonly text: string }[];
}

export function readRecord(from = folder): Recorded {
  const entries = (kind: string) =>
    (from === undefined ? [] : readdirSync(from))
      .filter((name) => name.startsWith(kind))
      .flatMap((name) => readFileSync(join(from ?? '', name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line));
  return {
    secrets: [...new Set(entries('secrets').map((entry) => secretEntry.parse(entry).secret))],
    said: entries('said').map((entry) => saidEntry.parse(entry)),
  };
}
