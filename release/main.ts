import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { step } from '../e2e/support/step.ts';
import { packNpm, sha256Of, writeChecksums, writeConfigSchema } from './artifacts.ts';
import { bundle } from './bundle.ts';
import { archiveName, buildCommand } from './command.ts';
import { homebrewFormula } from './homebrew.ts';
import { krewManifest } from './krew.ts';
import { type Options, readOptions, usage } from './options.ts';
import { platforms } from './platforms.ts';
import { provenanceOf } from './provenance.ts';
import { publish } from './publish.ts';
import { openRegistry } from './registry.ts';
import { obstaclesTo, type Release, readRevision, version } from './release.ts';
import { softwareBill } from './sbom.ts';

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

async function makeAll(options: Options, release: Release): Promise<void> {
  const { out, work } = release;
  const write = (name: string, content: string) => writeFileSync(join(out, name), content);
  const made = await step('bundle', () => bundle(work));
  for (const platform of release.platforms) {
    const archive = archiveName(platform);
    const given = options.commands === undefined ? undefined : join(options.commands, archive);
    if (given !== undefined && existsSync(given)) copyFileSync(given, join(out, archive));
    else await step(`command for ${platform.name}`, () => buildCommand(release, made, platform));
  }
  if (options.onlyCommands) return;
  await step('npm package', () => packNpm(release));
  writeConfigSchema(release);
  const bill = json(softwareBill(release, made.packages));
  write(`tagpin-${version}.cdx.json`, bill);
  write('krew.yaml', krewManifest(release));
  write('tagpin.rb', homebrewFormula(release));
  const { registry, caFile } = options;
  const published =
    registry === undefined
      ? undefined
      : await publish(options, { ...release, registry: openRegistry(registry, caFile) }, bill);
  const files = readdirSync(out).map((name) => ({ name, sha256: sha256Of(join(out, name)) }));
  const statement = provenanceOf(release, [...files, ...(published?.subjects ?? [])], published?.bases);
  write(`tagpin-${version}.intoto.json`, json(statement));
  writeChecksums(release);
}

async function main(options: Options): Promise<void> {
  const { dryRun, out } = options;
  const revision = await readRevision();
  const obstacles = dryRun ? [] : await obstaclesTo(revision.revision);
  if (obstacles.length > 0) throw new Error(`this can't be released: ${obstacles.join('; ')}`);
  if (options.registry !== undefined && process.getuid?.() !== 0)
    throw new Error('an image can only be built as root: buildah mounts what it builds');
  mkdirSync(out, { recursive: true });
  if (readdirSync(out).length > 0) throw new Error(`${out} isn't empty`);
  const work = mkdtempSync(join(tmpdir(), 'tagpin-release-'));
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
  const { signal } = interruption;
  const chosen = options.platforms.map((name) => platforms[name]);
  try {
    await makeAll(options, { ...revision, dryRun, out, work, platforms: chosen, signal });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(usage);
  else await main(options);
} catch (error) {
  console.error(
    error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : error,
  );
  process.exitCode = 1;
}
