import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { InvalidConfig } from './config/invalid-config.ts';
import { problemsIn, remedyOf } from './config/problem.ts';
import { configSchema } from './config/schema.ts';

export type Config = z.infer<typeof configSchema>;

/**
 * Reads the configuration file; without one, everything has its default.
 *
 * @throws InvalidConfig
 */
export function loadConfig(file: string | undefined): Config {
  if (file === undefined) return configSchema.parse({});
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new InvalidConfig(file, [
      `it can't be read: ${cause instanceof Error ? cause.message : String(cause)}`,
    ]);
  }
  return parseConfig(text, file);
}

/** @throws InvalidConfig */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new InvalidConfig(
      file,
      document.errors.map(({ pos, message }) => `line ${lines.linePos(pos[0]).line}: ${message}`),
    );
  }
  const written = withoutNulls(document.toJS({ maxAliasCount: 100 })) ?? {};
  const parsed = configSchema.safeParse(written, { error: remedyOf });
  if (parsed.success) return parsed.data;
  throw new InvalidConfig(file, problemsIn(parsed.error.issues, written));
}

/** A key without a value, as with all below it commented out, is one that isn't there. */
function withoutNulls(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value ?? undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => (part === null ? [] : [[key, withoutNulls(part)]])),
  );
}
