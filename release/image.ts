import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { bud, buildah } from '../e2e/image/buildah.ts';
import { run, succeed } from '../e2e/support/command.ts';
import { type Bases, imagePlatforms } from './bases.ts';
import type { Platform } from './platforms.ts';
import { type Descriptor, getBlob, getManifest, imageIndex, type Registry } from './registry.ts';
import { type PublishedRelease, project, type Release, version } from './release.ts';

export const IMAGE = 'tagpin/tagpin';

export interface PublishedImage {
  /** The index in its registry, by digest. */
  readonly reference: string;
  readonly descriptor: Descriptor;
}

/** Builds the image for both platforms, pushes them as one index, and checks what the registry then has. */
export async function publishImage(release: PublishedRelease, bases: Bases): Promise<PublishedImage> {
  const { work, registry, signal } = release;
  const on = (...args: string[]) => succeed(run([...buildah(work), ...args], { signal }));
  const [here, other] = imagePlatforms;
  const names = ['localhost/tagpin-here', 'localhost/tagpin-other'] as const;
  await buildImage(release, bases, here, ['--tag', names[0], project]);
  const bundle = await takeBundle(release, names[0]);
  await buildImage(release, bases, other, ['--tag', names[1], '--file', lastStage(release), bundle]);
  const list = `localhost/tagpin:${version}`;
  await on('manifest', 'create', list);
  for (const name of names) await on('manifest', 'add', list, name);
  const push = ['manifest', 'push', '--all', '--format', 'oci', ...accessTo(registry, work)];
  await on(...push, list, `docker://${registry.host}/${IMAGE}:${version}`);
  const { content, descriptor } = await getManifest(registry, IMAGE, version);
  await checkIndex(release, bases, indexSchema.parse(content));
  return { reference: `${registry.host}/${IMAGE}@${descriptor.digest}`, descriptor };
}

/** Copies the bundle out of an image. Returns its folder. */
async function takeBundle({ work, signal }: Release, image: string): Promise<string> {
  const on = (...args: string[]) => succeed(run([...buildah(work), ...args], { signal }));
  const container = await on('from', image);
  const folder = join(work, 'app');
  cpSync(join(await on('mount', container), 'app'), folder, { recursive: true });
  await on('rm', container);
  return folder;
}

/**
 * Writes the Dockerfile's last stage to a file of its own, which copies the bundle from the context: it needs no program
 * of the platform that it is for. Returns the file's path.
 */
function lastStage({ work }: Release): string {
  const dockerfile = readFileSync(join(project, 'Dockerfile'), 'utf8');
  const copy = 'COPY --from=build /src/dist /app';
  const stage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM ') + 1);
  if (!stage.includes(copy)) throw new Error(`the Dockerfile's last stage has no ${copy}`);
  const file = join(work, 'last.dockerfile');
  writeFileSync(file, `ARG BASE\n${stage.replace(copy, 'COPY . /app')}`);
  return file;
}

/** Builds the image for a platform; the options say its name, and what to build. */
async function buildImage(
  release: Release,
  bases: Bases,
  platform: Platform,
  options: readonly string[],
): Promise<void> {
  const { work, revision, created, signal } = release;
  const values = {
    BUILD_BASE: bases.buildBase,
    BASE: bases.base(platform),
    VERSION: version,
    REVISION: revision,
    CREATED: created.toISOString(),
  };
  const all = [
    ...bases.volumes.flatMap((volume) => ['--volume', volume]),
    ...Object.entries(values).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
    ...[
      '--no-cache',
      '--timestamp',
      String(created.getTime() / 1000),
      '--platform',
      `linux/${platform.arch}`,
    ],
    ...options,
  ];
  await bud(work, all, signal);
}

/** Options of buildah for a registry. */
function accessTo({ plainHttp, caFile }: Registry, work: string): string[] {
  if (plainHttp) return ['--tls-verify=false'];
  if (caFile === undefined) return [];
  const folder = join(work, 'certificates');
  mkdirSync(folder, { recursive: true });
  copyFileSync(caFile, join(folder, 'ca.crt'));
  return ['--cert-dir', folder];
}

const indexSchema = z.object({
  mediaType: z.literal(imageIndex),
  manifests: z.array(
    z.object({ digest: z.string(), platform: z.object({ os: z.string(), architecture: z.string() }) }),
  ),
});
const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })),
});
const configSchema = z.object({
  architecture: z.string(),
  config: z.object({ Labels: z.record(z.string(), z.string()) }),
});

/**
 * Checks that the index has both platforms, each with an image that says so, of this version, and the same bundle; and
 * that the first, built once more, has the same digest.
 */
async function checkIndex(
  release: PublishedRelease,
  bases: Bases,
  { manifests }: z.infer<typeof indexSchema>,
): Promise<void> {
  const { work, registry, signal } = release;
  const bundles = new Set<string | undefined>();
  for (const { os, arch } of imagePlatforms) {
    const found = manifests.find(({ platform }) => platform.os === os && platform.architecture === arch);
    const { content } = await getManifest(registry, IMAGE, found?.digest ?? '');
    const { config, layers } = manifestSchema.parse(content);
    const image = configSchema.parse(JSON.parse((await getBlob(registry, IMAGE, config.digest)).toString()));
    const said = image.config.Labels['org.opencontainers.image.version'];
    if (image.architecture !== arch || said !== version)
      throw new Error(`the image for ${os}/${arch} is ${said} for ${image.architecture}`);
    bundles.add(layers.at(-1)?.digest);
  }
  if (bundles.size !== 1) throw new Error('the images for the platforms have different bundles');
  const [first] = imagePlatforms;
  const again = 'localhost/tagpin-again';
  await buildImage(release, bases, first, ['--tag', again, project]);
  const folder = join(work, 'again');
  await succeed(run([...buildah(work), 'push', '--format', 'oci', again, `oci:${folder}`], { signal }));
  const rebuilt = indexOfLayout.parse(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')));
  const digest = manifests.find(({ platform }) => platform.architecture === first.arch)?.digest;
  if (rebuilt.manifests[0].digest !== digest)
    throw new Error(`built twice, the image is ${digest} and ${rebuilt.manifests[0].digest}`);
}

const indexOfLayout = z.object({ manifests: z.tuple([z.object({ digest: z.string() })]) });
