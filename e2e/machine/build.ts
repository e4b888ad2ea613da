import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { run, succeed } from '../support/command.ts';
import { kubernetes, type Source, sources } from './sources.ts';

const versionPackage = 'k8s.io/component-base/version';

export interface BuildOptions {
  /** The file that the program becomes. */
  readonly output: string;
  /** The folder for what it reads when it runs, if it does. */
  readonly files: string;
  /** A folder for the modules that are made to build in. */
  readonly modules: string;
  readonly signal: AbortSignal;
}

/** Builds a program with Go. */
export async function build(source: Source, options: BuildOptions): Promise<void> {
  const { output, files, signal } = options;
  const cwd = source.inside ? (await download(source, signal)).Dir : await moduleAround(source, options);
  const tags = source.tags === undefined ? [] : ['-tags', source.tags];
  await go(['build', '-trimpath', ...tags, '-ldflags', linkerFlags(source), '-o', output, source.package], {
    cwd,
    signal,
  });
  if (source.files === undefined) return;
  const { Dir } = await download(source, signal);
  rmSync(files, { recursive: true, force: true });
  cpSync(join(Dir, source.files), join(files, source.files), { recursive: true });
}

function go(args: readonly string[], options: { cwd?: string; signal: AbortSignal }): Promise<string> {
  return succeed(run(['go', ...args], { ...options, env: { GOFLAGS: '-buildvcs=false' } }));
}

/** Where Go keeps the module, and its go.mod. */
async function download({ module, version }: Source, signal: AbortSignal) {
  const description = await go(['mod', 'download', '-json', `${module}@${version}`], { signal });
  return z.object({ Dir: z.string(), GoMod: z.string() }).parse(JSON.parse(description));
}

/** Makes a module that needs nothing but the program's, which is how Go builds it with the versions it was released with. */
async function moduleAround(source: Source, { modules, signal }: BuildOptions): Promise<string> {
  const cwd = join(modules, `${source.module.replaceAll('/', '_')}@${source.version}`);
  if (existsSync(join(cwd, 'go.sum'))) return cwd;
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd, { recursive: true });
  writeFileSync(join(cwd, 'go.mod'), await moduleFile(source, signal));
  writeFileSync(join(cwd, 'tools.go'), toolsFile(source));
  await go(['mod', 'tidy'], { cwd, signal });
  return cwd;
}

async function moduleFile(source: Source, signal: AbortSignal): Promise<string> {
  const header = `module e2e.tagpin.dev/build\n\ngo 1.26.0\n\nrequire ${source.module} ${source.version}\n`;
  if (source.module !== 'k8s.io/kubernetes') return header;
  // The module of Kubernetes asks for its own libraries at v0.0.0, which only its own replaces make something of.
  const { GoMod } = await download(source, signal);
  const libraries = readFileSync(GoMod, 'utf8').matchAll(/^\s+(k8s\.io\/[a-z0-9-]+) v0\.0\.0$/gm);
  const libraryVersion = `v0.${kubernetes.replace(/^1\./, '')}`;
  return (
    header + Array.from(libraries, ([, name]) => `replace ${name} => ${name} ${libraryVersion}\n`).join('')
  );
}

/** Imports every program that is built from the same module, so that one `go mod tidy` does for all. */
function toolsFile({ module }: Source): string {
  const imports = Object.values(sources)
    .filter((source) => source.module === module)
    .map((source) => `\t_ "${source.package}"\n`);
  return `//go:build tools\n\npackage tools\n\nimport (\n${imports.join('')})\n`;
}

/** Kubernetes programs call themselves v0.0.0 if not told otherwise, and kubectl then refuses to talk to the server. */
function linkerFlags({ module }: Source): string {
  if (module !== 'k8s.io/kubernetes') return '-s -w';
  const [major, minor] = kubernetes.split('.');
  const values = { gitVersion: `v${kubernetes}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  return [
    '-s -w',
    ...Object.entries(values).map(([key, value]) => `-X ${versionPackage}.${key}=${value}`),
  ].join(' ');
}
