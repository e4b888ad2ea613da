import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { run, succeed } from '../support/command.ts';
import { furnishNode, furnishNodeForBuilding } from './base.ts';
import { bud, buildah } from './buildah.ts';

const project = join(import.meta.dirname, '../..');

export interface ImageOptions {
  /** A folder for buildah's storage. */
  readonly directory: string;
  /** Images for the Dockerfile's two arguments; by default made from this machine. */
  readonly buildBase: string | undefined;
  readonly base: string | undefined;
  readonly signal: AbortSignal;
}

export const builtImageSchema = z.object({
  /** The storage's folder. */
  directory: z.string(),
  name: z.string(),
  /** The image that it was built in, and the one it is based on. */
  buildBase: z.string(),
  base: z.string(),
  /** Mounted into the build, as HOST:CONTAINER. */
  volumes: z.array(z.string()),
});
/** An image in its own storage. */
export type BuiltImage = Readonly<z.infer<typeof builtImageSchema>>;

/** Builds tagpin's image from its Dockerfile. */
export async function buildImage(options: ImageOptions): Promise<BuiltImage> {
  const { directory, signal } = options;
  const image = {
    directory,
    name: 'localhost/tagpin:e2e',
    buildBase: options.buildBase ?? (await makeBuildBase(directory, signal)),
    base: options.base ?? (await makeBase({ directory, name: 'base', furnish: furnishNode, signal })),
    volumes: options.buildBase === undefined ? await npmVolumes() : [],
  };
  await buildFrom(image, image.name, signal);
  return image;
}

export interface BaseOptions {
  readonly directory: string;
  readonly name: string;
  /** Fills the folder of its files. */
  readonly furnish: (root: string) => Promise<void>;
  /** Further instructions for its Dockerfile. */
  readonly instructions?: string;
  /** By default this machine's. */
  readonly platform?: string;
  readonly signal: AbortSignal;
}

/** Makes a base image from files of this machine. */
export async function makeBase(options: BaseOptions): Promise<string> {
  const { directory, name, instructions = '', platform, signal } = options;
  const root = join(directory, name);
  mkdirSync(root, { recursive: true });
  await options.furnish(root);
  const file = join(directory, `${name}.dockerfile`);
  writeFileSync(file, `FROM scratch\nCOPY . /\n${instructions}`);
  const target = platform === undefined ? [] : ['--platform', platform];
  await bud(directory, [...target, '--timestamp', '0', '--file', file, '--tag', name, root], signal);
  rmSync(root, { recursive: true });
  return `localhost/${name}`;
}

/** Makes the image to build in, from this machine's Node.js and npm. */
export async function makeBuildBase(directory: string, signal: AbortSignal): Promise<string> {
  const instructions = await npmEnvironment();
  return await makeBase({
    directory,
    name: 'build-base',
    furnish: furnishNodeForBuilding,
    instructions,
    signal,
  });
}

/** Builds the same image again, under another name, without a cache. */
export async function rebuildImage(image: BuiltImage, name: string): Promise<BuiltImage> {
  await buildFrom(image, name);
  return { ...image, name };
}

/** The time of everything in the image, so that two builds of the same sources are equal. */
const TIMESTAMP = 0;

function buildFrom({ directory, buildBase, base, volumes }: BuiltImage, name: string, signal?: AbortSignal) {
  const options = [
    ...volumes.flatMap((volume) => ['--volume', volume]),
    ...['--no-cache', '--timestamp', String(TIMESTAMP)],
    ...['--build-arg', `BUILD_BASE=${buildBase}`, '--build-arg', `BASE=${base}`],
    ...['--file', join(project, 'Dockerfile'), '--tag', name, project],
  ];
  return bud(directory, options, signal);
}

const configuration = z.object({
  OCIv1: z.looseObject({
    config: z.object({
      User: z.string(),
      Env: z.array(z.string()),
      Entrypoint: z.array(z.string()),
      Cmd: z.array(z.string()),
      Labels: z.record(z.string(), z.string()),
    }),
    rootfs: z.object({ diff_ids: z.array(z.string()) }),
  }),
});
export type ImageConfiguration = z.infer<typeof configuration>['OCIv1'];

/** The image's configuration (OCI image-spec, config.md). */
export async function inspectImage({ directory, name }: BuiltImage): Promise<ImageConfiguration> {
  const text = await succeed(run([...buildah(directory), 'inspect', '--type', 'image', name]));
  return configuration.parse(JSON.parse(text)).OCIv1;
}

/** The files that the Dockerfile adds to its base, with their sizes in bytes. */
export async function ownFiles(image: BuiltImage): Promise<{ path: string; size: number }[]> {
  const { directory, name } = image;
  const container = await succeed(run([...buildah(directory), 'from', name]));
  try {
    const root = await succeed(run([...buildah(directory), 'mount', container]));
    return readdirSync(join(root, 'app'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name: file }) => join(parentPath, file))
      .map((path) => ({ path: path.slice(root.length), size: statSync(path).size }));
  } finally {
    await succeed(run([...buildah(directory), 'rm', container]));
  }
}

/** Pushes a built image to a registry whose CA is `ca.crt` in `caFolder`. */
export async function pushImage(
  { directory, name }: BuiltImage,
  to: string,
  caFolder: string,
): Promise<void> {
  await succeed(run([...buildah(directory), 'push', '--cert-dir', caFolder, name, `docker://${to}`]));
}

/** The settings that npm needs in the build to reach packages as on this machine. */
async function npmEnvironment(): Promise<string> {
  const registry = await succeed(run(['npm', 'config', 'get', 'registry']));
  const certificates = existsSync(systemCertificates)
    ? `ENV NODE_EXTRA_CA_CERTS=${systemCertificates}/ca-certificates.crt\n`
    : '';
  return `ENV npm_config_registry=${registry}\n${certificates}`;
}

/** This machine's npm cache, so that nothing is downloaded twice, and its trusted CAs. */
export async function npmVolumes(): Promise<string[]> {
  const cache = await succeed(run(['npm', 'config', 'get', 'cache'], { cwd: homedir() }));
  mkdirSync(cache, { recursive: true });
  const certificates = existsSync(systemCertificates)
    ? [`${systemCertificates}:${systemCertificates}:ro`]
    : [];
  return [`${cache}:/root/.npm`, ...certificates];
}

const systemCertificates = '/etc/ssl/certs';
