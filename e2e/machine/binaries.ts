import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { run, succeed } from '../support/command.ts';
import { step } from '../support/step.ts';

const kubernetes = '1.37.2';
const versionPackage = 'k8s.io/component-base/version';

export const binaryName = z.enum([
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
  'crane',
  'registry',
]);
export type BinaryName = z.infer<typeof binaryName>;

/** Where each program is. */
export const binariesSchema = z.record(binaryName, z.string());
export type Binaries = Readonly<z.infer<typeof binariesSchema>>;

/** Where those are that the tests themselves use, whatever the cluster. */
export const programsSchema = z.object({ kubectl: z.string(), crane: z.string(), registry: z.string() });
export type Programs = Readonly<z.infer<typeof programsSchema>>;

/** Where a program comes from: a package of a Go module, at a version. */
interface Source {
  readonly module: string;
  readonly version: string;
  readonly package: string;
}

const ofKubernetes = (name: string): Source => ({
  module: 'k8s.io/kubernetes',
  version: `v${kubernetes}`,
  package: `k8s.io/kubernetes/cmd/${name}`,
});

const sources: Readonly<Record<BinaryName, Source>> = {
  etcd: { module: 'go.etcd.io/etcd/server/v3', version: 'v3.7.3', package: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': ofKubernetes('kube-apiserver'),
  'kube-controller-manager': ofKubernetes('kube-controller-manager'),
  'kube-scheduler': ofKubernetes('kube-scheduler'),
  kubelet: ofKubernetes('kubelet'),
  'kube-proxy': ofKubernetes('kube-proxy'),
  kubectl: ofKubernetes('kubectl'),
  crane: {
    module: 'github.com/google/go-containerregistry',
    version: 'v0.22.1',
    package: 'github.com/google/go-containerregistry/cmd/crane',
  },
  registry: {
    module: 'github.com/distribution/distribution/v3',
    version: 'v3.1.2',
    package: 'github.com/distribution/distribution/v3/cmd/registry',
  },
};

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tagpin-e2e');

/**
 * Builds what isn't there at the right version; a program in $KUBEBUILDER_ASSETS is taken as it is. The first time,
 * this takes many minutes and gigabytes.
 */
export async function prepareBinaries(signal: AbortSignal): Promise<Binaries> {
  const paths: [BinaryName, string][] = [];
  for (const name of binaryName.options) paths.push([name, await prepare(name, signal)]);
  return binariesSchema.parse(Object.fromEntries(paths));
}

/** The same for the tests' own programs alone. */
export async function preparePrograms(signal: AbortSignal): Promise<Programs> {
  return {
    kubectl: await prepare('kubectl', signal),
    crane: await prepare('crane', signal),
    registry: await prepare('registry', signal),
  };
}

/** Those of the programs that would have to be built: if there is one, Go is needed. */
export function missingBinaries(names: readonly BinaryName[] = binaryName.options): BinaryName[] {
  return names.filter((name) => given(name) === undefined && !isBuilt(name));
}

async function prepare(name: BinaryName, signal: AbortSignal): Promise<string> {
  const provided = given(name);
  if (provided !== undefined) return provided;
  if (!isBuilt(name)) await step(`built ${name} ${sources[name].version}`, () => build(name, signal));
  return binaryPath(name);
}

function given(name: string): string | undefined {
  const folder = process.env['KUBEBUILDER_ASSETS'];
  if (folder === undefined || folder === '') return undefined;
  const path = join(folder, name);
  return existsSync(path) ? path : undefined;
}

const binaryPath = (name: string) => join(cache, 'bin', name);
const stampPath = (name: string) => join(cache, 'bin', `.${name}.version`);

function isBuilt(name: BinaryName): boolean {
  const stamp = stampPath(name);
  return (
    existsSync(binaryPath(name)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sources[name].version
  );
}

/** Builds one program beside its place and moves it there whole, so that an interrupted build leaves nothing half. */
async function build(name: BinaryName, signal: AbortSignal): Promise<void> {
  const source = sources[name];
  const workspace = join(cache, 'modules', `${source.module.replaceAll('/', '_')}@${source.version}`);
  const unfinished = join(cache, 'bin', `.${name}.unfinished`);
  mkdirSync(join(cache, 'bin'), { recursive: true });
  const go = (...args: string[]) =>
    succeed(run(['go', ...args], { cwd: workspace, env: { GOFLAGS: '-buildvcs=false' }, signal }));
  if (!existsSync(join(workspace, 'go.sum'))) {
    rmSync(workspace, { recursive: true, force: true });
    mkdirSync(workspace, { recursive: true });
    writeFileSync(join(workspace, 'go.mod'), await moduleFile(source, signal));
    writeFileSync(join(workspace, 'tools.go'), toolsFile(source));
    await go('mod', 'tidy');
  }
  await go('build', '-trimpath', '-ldflags', linkerFlags(source), '-o', unfinished, source.package);
  rmSync(stampPath(name), { force: true });
  renameSync(unfinished, binaryPath(name));
  writeFileSync(stampPath(name), source.version);
}

/** A module that needs nothing but the program's, which is how Go builds it with the versions it was released with. */
async function moduleFile({ module, version }: Source, signal: AbortSignal): Promise<string> {
  const header = `module e2e.tagpin.dev/build\n\ngo 1.26.0\n\nrequire ${module} ${version}\n`;
  if (module !== 'k8s.io/kubernetes') return header;
  // The module of Kubernetes asks for its own libraries at v0.0.0, which only its own replaces make something of.
  const download = await succeed(
    run(['go', 'mod', 'download', '-json', `${module}@${version}`], { signal, cwd: cache }),
  );
  const { GoMod } = z.object({ GoMod: z.string() }).parse(JSON.parse(download));
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
