import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run, succeed } from '../support/command.ts';
import { furnishNode, furnishNodeForBuilding } from './base.ts';

const project = join(import.meta.dirname, '../..');

export interface ImageOptions {
  /** A folder for buildah's storage. */
  readonly directory: string;
  /** Images for the Dockerfile's two arguments; made from this machine if not given. */
  readonly buildBase: string | undefined;
  readonly base: string | undefined;
  readonly signal: AbortSignal;
}

/** An image in a storage of its own. */
export interface BuiltImage {
  /** The storage's folder. */
  readonly directory: string;
  readonly name: string;
}

/** Builds tagpin's image from its Dockerfile. */
export async function buildImage(options: ImageOptions): Promise<BuiltImage> {
  const { directory, signal } = options;
  const bud = async (...args: string[]) =>
    void (await succeed(
      run([...together, ...buildah(directory), 'bud', '--isolation', 'chroot', ...args], { signal }),
    ));
  const makeBase = async (name: string, furnish: (root: string) => Promise<void>, environment: string) => {
    const root = join(directory, name);
    mkdirSync(root, { recursive: true });
    await furnish(root);
    writeFileSync(join(directory, `${name}.dockerfile`), `FROM scratch\nCOPY . /\n${environment}`);
    await bud('--file', join(directory, `${name}.dockerfile`), '--tag', name, root);
    rmSync(root, { recursive: true });
    return `localhost/${name}`;
  };
  const buildBase =
    options.buildBase ?? (await makeBase('build-base', furnishNodeForBuilding, await npmEnvironment()));
  const base = options.base ?? (await makeBase('base', furnishNode, ''));
  const name = 'localhost/tagpin:e2e';
  const volumes = options.buildBase === undefined ? await npmVolumes() : [];
  await bud(
    ...volumes.flatMap((volume) => ['--volume', volume]),
    '--build-arg',
    `BUILD_BASE=${buildBase}`,
    '--build-arg',
    `BASE=${base}`,
    '--file',
    join(project, 'Dockerfile'),
    '--tag',
    name,
    project,
  );
  return { directory, name };
}

/** Pushes a built image to a registry whose certificates verify by the CA in `caFolder`, as `ca.crt`. */
export async function pushImage(
  { directory, name }: BuiltImage,
  to: string,
  caFolder: string,
): Promise<void> {
  await succeed(run([...buildah(directory), 'push', '--cert-dir', caFolder, name, `docker://${to}`]));
}

/** Namespaces of its own: what a build starts leaves its process group, and is to end with it all the same. */
const together = ['unshare', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];

const buildah = (directory: string) => [
  'buildah',
  '--root',
  join(directory, 'storage'),
  '--runroot',
  join(directory, 'run'),
  '--storage-driver',
  'vfs',
];

/** What npm in a build on this machine's own base has to know to reach packages as npm on this machine does. */
async function npmEnvironment(): Promise<string> {
  const registry = await succeed(run(['npm', 'config', 'get', 'registry']));
  const certificates = existsSync(systemCertificates)
    ? `ENV NODE_EXTRA_CA_CERTS=${systemCertificates}/ca-certificates.crt\n`
    : '';
  return `ENV npm_config_registry=${registry}\n${certificates}`;
}

/** This machine's npm cache, so that nothing is downloaded twice, and whom it trusts. */
async function npmVolumes(): Promise<string[]> {
  const cache = await succeed(run(['npm', 'config', 'get', 'cache'], { cwd: homedir() }));
  mkdirSync(cache, { recursive: true });
  const certificates = existsSync(systemCertificates)
    ? [`${systemCertificates}:${systemCertificates}:ro`]
    : [];
  return [`${cache}:/root/.npm`, ...certificates];
}

const systemCertificates = '/etc/ssl/certs';
