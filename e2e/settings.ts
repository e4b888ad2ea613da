import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { builtImageSchema } from './image/build.ts';
import { binariesSchema, programsSchema } from './machine/binaries.ts';

const settingsSchema = z.object({
  /** A folder for all files that the run writes. */
  directory: z.string(),
  /** Whether the cluster stays up after the tests. */
  keep: z.boolean(),
  /** The folder with the programs of the installed npm package. */
  packaged: z.string(),
  /** Arguments for vitest. */
  vitest: z.array(z.string()),
  cluster: z.discriminatedUnion('where', [
    z.object({
      where: z.literal('here'),
      binaries: binariesSchema,
      image: builtImageSchema,
    }),
    z.object({ where: z.literal('kind'), programs: programsSchema }),
  ]),
});

/** What e2e/main.ts has prepared for e2e/session.ts, which runs in new namespaces. */
export type Settings = z.infer<typeof settingsSchema>;

export function readSettings(file: string): Settings {
  return settingsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}
