import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { run, succeed } from '../support/command.ts';
import { kubernetes, type Source, sources } from './sources.ts';

const versionPackage = 'k8s.io/component-base/version';

export interface BuildOptions {
  /** The path of the built program. */
  readonly output: string;
  /** The folder for the files that it reads at run time, if any. */
  readonly files: string;
  /** A folder for the temporary modules. */
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

/** The module's folder in Go's cache, and its go.mod. */
async function download({ module, version }: Source, signal: AbortSignal) {
  const description = await go(['mod', 'download', '-json', `${module}@${version}`], { signal });
  return z.object({ Dir: z.string(), GoMod: z.string() }).parse(JSON.parse(description));
}

/** Creates a module that requires only the program's, so that Go builds it with the versions it was released with. */
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
  // Kubernetes' module requires its own libraries at v0.0.0, which only its replace directives resolve.
  const { GoMod } = await download(source, signal);
  const libraries = readFileSync(GoMod, 'utf8').matchAll(/^\s+(k8s\.io\/[a-z0-9-]+) v0\.0\.0$/gm);
  const libraryVersion = `v0.${kubernetes.replace(/^1\./, '')}`;
  return (
    header + Array.from(libraries, ([, name]) => `replace ${name} => ${name} ${libraryVersion}\n`).join('')
  );
}

/** Imports every program that is built from the same module, so that one `go mod tidy` is enough. */
function toolsFile({ module }: Source): string {
  const imports = Object.values(sources)
    .filter((source) => source.module === module)
    .map((source) => `\t_ "${source.package}"\n`);
  return `//go:build tools\n\npackage tools\n\nimport (\n${imports.join('')})\n`;
}

/** Kubernetes programs report v0.0.0 by default, and kubectl then refuses to talk to the server. */
function linkerFlags({ module }: Source): string {
  if (module !== 'k8s.io/kubernetes') return '-s -w';
  const [major, minor] = kubernetes.split('.');
  const values = { gitVersion: `v${kubernetes}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  return [
    '-s -w',
    ...Object.entries(values).map(([key, value]) => `-X ${versionPackage}.${key}=${value}`),
  ].join(' ');
}
