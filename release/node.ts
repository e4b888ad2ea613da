import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import nodePackage from 'node/package.json' with { type: 'json' };
import { run, succeed } from '../e2e/support/command.ts';
import { type Platform, platforms } from './platforms.ts';
import type { Release } from './release.ts';

export const nodeVersion = nodePackage.version;

/** The npm package with Node.js for a platform, in the version that the project runs on. */
export const nodePackageOf = ({ node }: Platform) => `${node}@${nodeVersion}`;

/** Puts Node.js for a platform, and its licence, into a folder. */
export async function unpackNode(release: Release, platform: Platform, folder: string) {
  // The package for Windows has no licence; it is the same for all.
  const licensed = platform.os === 'windows' ? platforms['linux-amd64'] : platform;
  await unpack(release, platform, platform.program, folder);
  await unpack(release, licensed, 'LICENSE', folder);
  return { program: join(folder, platform.program), license: join(folder, 'LICENSE') };
}

/** Puts one file of a platform's package into a folder. npm has the package in its cache after the first time. */
async function unpack({ work, signal }: Release, platform: Platform, file: string, folder: string) {
  const pack = ['npm', 'pack', '--silent', '--prefer-offline', '--pack-destination', work];
  const tarball = await succeed(run([...pack, nodePackageOf(platform)], { cwd: work, signal }));
  mkdirSync(folder, { recursive: true });
  const take = ['tar', '-xzf', join(work, tarball), '-C', folder, '--strip-components=1', `package/${file}`];
  await succeed(run(take, { signal }));
}
