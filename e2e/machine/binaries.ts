import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { step } from '../support/step.ts';
import { build } from './build.ts';
import { type BinaryName, binaryName, sources } from './sources.ts';

/** The path of each program. */
export const binariesSchema = z.record(binaryName, z.string());
export type Binaries = Readonly<z.infer<typeof binariesSchema>>;

/** The paths of the programs that the tests themselves use, with any cluster. */
export const programsSchema = z.object({
  kubectl: z.string(),
  crane: z.string(),
  helm: z.string(),
  kustomize: z.string(),
  registry: z.string(),
  gitea: z.string(),
  actionlint: z.string(),
});
export const programName = programsSchema.keyof();
export type Programs = Readonly<z.infer<typeof programsSchema>>;

/** The folder with the files that a program reads at run time; absent if it needs none. */
export const filesBeside = (binary: string) => `${binary}.files`;

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tagpin-e2e');

/**
 * Builds the programs that are missing in their version; those in $KUBEBUILDER_ASSETS are used as they are. The first
 * time, this takes many minutes and gigabytes.
 */
export async function prepareBinaries(signal: AbortSignal): Promise<Binaries> {
  return binariesSchema.parse(Object.fromEntries(await prepareAll(binaryName.options, signal)));
}

/** The same for the tests' own programs only. */
export async function preparePrograms(signal: AbortSignal): Promise<Programs> {
  return programsSchema.parse(Object.fromEntries(await prepareAll(programName.options, signal)));
}

/** The programs that must be built: if there is one, Go is required. */
export function missingBinaries(names: readonly BinaryName[] = binaryName.options): BinaryName[] {
  return names.filter((name) => given(name) === undefined && !isBuilt(name));
}

async function prepareAll(
  names: readonly BinaryName[],
  signal: AbortSignal,
): Promise<[BinaryName, string][]> {
  const paths: [BinaryName, string][] = [];
  for (const name of names) paths.push([name, await prepare(name, signal)]);
  return paths;
}

async function prepare(name: BinaryName, signal: AbortSignal): Promise<string> {
  const provided = given(name);
  if (provided !== undefined) return provided;
  if (!isBuilt(name)) await step(`built ${name} ${sources[name].version}`, () => make(name, signal));
  return binaryPath(name);
}

function given(name: string): string | undefined {
  const folder = process.env['KUBEBUILDER_ASSETS'];
  if (folder === undefined || folder === '') return undefined;
  const path = join(folder, name);
  return existsSync(path) ? path : undefined;
}

/** The path of a program once it is built. */
export const binaryPath = (name: string) => join(cache, 'bin', name);
const stampPath = (name: string) => join(cache, 'bin', `.${name}.version`);

function isBuilt(name: BinaryName): boolean {
  const stamp = stampPath(name);
  return (
    existsSync(binaryPath(name)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sources[name].version
  );
}

/** Builds a program beside its path and then moves it there, so that an interrupted build leaves no partial file. */
async function make(name: BinaryName, signal: AbortSignal): Promise<void> {
  const output = join(cache, 'bin', `.${name}.unfinished`);
  mkdirSync(join(cache, 'bin'), { recursive: true });
  rmSync(stampPath(name), { force: true });
  const modules = join(cache, 'modules');
  await build(sources[name], { output, files: filesBeside(binaryPath(name)), modules, signal });
  renameSync(output, binaryPath(name));
  writeFileSync(stampPath(name), sources[name].version);
}
