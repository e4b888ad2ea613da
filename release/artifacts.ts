import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { configJsonSchema } from '../docs/generate/values-schema.ts';
import { run, succeed } from '../e2e/support/command.ts';
import { downloadUrl, project, type Release, version } from './release.ts';

/** The file of the checksums, in the format of sha256sum. */
export const CHECKSUMS = 'SHA256SUMS';

/** The configuration's schema, which editors check files by. */
export const SCHEMA = 'tagpin-config.schema.json';

export const sha256Of = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

const packed = z.tuple([z.object({ filename: z.string() })]);

/** Packs what `npm publish` would publish. Returns the file's name. */
export async function packNpm({ out, signal }: Release): Promise<string> {
  const pack = ['npm', 'pack', '--json', '--pack-destination', out];
  const printed = await succeed(run(pack, { cwd: project, signal }));
  // The scripts that run before packing print first.
  const [{ filename }] = packed.parse(JSON.parse(printed.slice(printed.indexOf('[\n'))));
  return filename;
}

export function writeConfigSchema({ out }: Release): void {
  const schema = {
    $id: downloadUrl(SCHEMA),
    title: `Configuration of tagpin ${version}`,
    ...configJsonSchema(),
  };
  writeFileSync(join(out, SCHEMA), `${JSON.stringify(schema, undefined, 2)}\n`);
}

/** Writes the checksums of all files that the folder then has. */
export function writeChecksums({ out }: Release): void {
  const files = readdirSync(out)
    .filter((file) => file !== CHECKSUMS)
    .sort();
  const lines = files.map((file) => `${sha256Of(join(out, file))}  ${file}\n`);
  writeFileSync(join(out, CHECKSUMS), lines.join(''));
}
