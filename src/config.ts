import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { joinConfigs, readConfigFiles } from './config/config-files.ts';
import { InvalidConfig, Mistakes, problemsIn, remedyOf } from './config/invalid-config.ts';
import { withAbsolutePaths } from './config/relative-paths.ts';
import { configSchema } from './config/schema.ts';
import { whyUnreadable } from './system-error.ts';

export type Config = z.infer<typeof configSchema>;

/**
 * Reads the configuration: a file, or a folder whose `*.yaml` files are joined; without a path, the defaults. Paths in a file
 * count from its folder.
 *
 * @throws InvalidConfig
 */
export function loadConfig(path: string | undefined): Config {
  if (path === undefined) return configSchema.parse({});
  const mistakes = new Mistakes();
  const documents = readFiles(path).flatMap(({ file, text }) => {
    const value = mistakes.collect(() => withAbsolutePaths(parseYaml(text, file), dirname(resolve(file))));
    // Each file is validated alone first, so that a mistake is reported with its file.
    mistakes.collect(() => parse(value ?? {}, file));
    return { file, value };
  });
  const { value, problems } = joinConfigs(documents);
  mistakes.collect(() => {
    if (problems.length > 0) throw new InvalidConfig(path, problems);
  });
  mistakes.throwIfAny();
  return parse(value, path);
}

function readFiles(path: string) {
  try {
    return readConfigFiles(path);
  } catch (cause) {
    const why = whyUnreadable(cause) ?? (cause instanceof Error ? cause.message : String(cause));
    throw InvalidConfig.unreadable(path, why);
  }
}

/** @throws InvalidConfig */
export function parseConfig(text: string, file: string): Config {
  return parse(parseYaml(text, file), file);
}

function parse(value: unknown, file: string): Config {
  const parsed = configSchema.safeParse(value, { error: remedyOf });
  if (parsed.success) return parsed.data;
  throw new InvalidConfig(file, problemsIn(parsed.error.issues, value));
}

function parseYaml(text: string, file: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new InvalidConfig(
      file,
      document.errors.map(({ pos, message }) => `line ${lines.linePos(pos[0]).line}: ${message}`),
    );
  }
  return withoutNulls(document.toJS({ maxAliasCount: 100 })) ?? {};
}

/** A key without a value, such as one whose content is commented out, counts as missing. */
function withoutNulls(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value ?? undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => (part === null ? [] : [[key, withoutNulls(part)]])),
  );
}
