import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { furnishNode } from '../e2e/image/base.ts';
import { makeBase, makeBuildBase, npmVolumes } from '../e2e/image/build.ts';
import { run, succeed } from '../e2e/support/command.ts';
import { unpackNode } from './node.ts';
import type { Options } from './options.ts';
import { isNative, type Platform, platforms } from './platforms.ts';
import { project, type Release } from './release.ts';

/** The platforms of the image. It is built on the first. */
export const imagePlatforms = [platforms['linux-amd64'], platforms['linux-arm64']] as const;

/** The images that tagpin's own is built in, and on. */
export interface Bases {
  readonly buildBase: string;
  readonly base: (platform: Platform) => string;
  /** Those that have a name outside this machine, by digest. */
  readonly named: readonly string[];
  /** Mounted into the build, as HOST:CONTAINER. */
  readonly volumes: readonly string[];
}

/** The bases of a release, by digest; in a dry run that names none, bases made from this machine. */
export async function findBases(options: Options, release: Release): Promise<Bases> {
  if (release.dryRun && options.buildBase === undefined && options.base === undefined)
    return await makeBases(release);
  const buildBase = await resolve(release, options.buildBase ?? defaultOf('BUILD_BASE'));
  const base = await resolve(release, options.base ?? defaultOf('BASE'));
  return { buildBase, base: () => base, named: [buildBase, base], volumes: [] };
}

/** The Dockerfile's own value of an argument. */
function defaultOf(argument: string): string {
  const dockerfile = readFileSync(join(project, 'Dockerfile'), 'utf8');
  const value = new RegExp(`^ARG ${argument}=(.+)$`, 'm').exec(dockerfile)?.[1];
  if (value === undefined) throw new Error(`the Dockerfile has no ARG ${argument}`);
  return value;
}

/** Has tagpin resolve an image. With several platforms, the digest is that of their index. */
async function resolve({ signal }: Release, image: string): Promise<string> {
  if (image.includes('@')) return image;
  const tagpin = [process.execPath, join(project, 'src/main.ts')];
  return `${image}@${await succeed(run([...tagpin, 'resolve', image], { signal }))}`;
}

/**
 * Bases made from this machine, and for another architecture from npm's Node.js. The latter has no libraries: it shows
 * how the index is made, and can't run.
 */
async function makeBases(release: Release): Promise<Bases> {
  const { work: directory, signal } = release;
  const made = new Map<Platform, string>();
  for (const platform of imagePlatforms) {
    const furnish = async (root: string) => {
      if (isNative(platform)) await furnishNode(root);
      else await unpackNode(release, platform, join(root, 'nodejs'));
    };
    const base = { directory, name: `base-${platform.arch}`, furnish, signal };
    made.set(platform, await makeBase({ ...base, platform: `linux/${platform.arch}` }));
  }
  return {
    buildBase: await makeBuildBase(directory, signal),
    base: (platform) => made.get(platform) ?? '',
    named: [],
    volumes: await npmVolumes(),
  };
}
