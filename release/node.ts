import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import nodePackage from 'node/package.json' with { type: 'json' };
import { run, succeed } from '../e2e/support/command.ts';
import type { Platform } from './platforms.ts';
import type { Release } from './release.ts';

export const nodeVersion = nodePackage.version;

/** The npm package with Node.js for a platform, in the version that the project runs on. */
export const nodePackageOf = ({ node }: Platform) => `${node}@${nodeVersion}`;

/** Puts Node.js for a platform, and its licence, into a folder. */
export async function unpackNode({ work, signal }: Release, platform: Platform, folder: string) {
  const pack = ['npm', 'pack', '--silent', '--prefer-offline', '--pack-destination', work];
  const tarball = await succeed(run([...pack, nodePackageOf(platform)], { cwd: work, signal }));
  mkdirSync(folder, { recursive: true });
  const members = ['package/LICENSE', `package/${platform.program}`];
  const unpack = ['tar', '-xzf', join(work, tarball), '-C', folder, '--strip-components=1', ...members];
  await succeed(run(unpack, { signal }));
  return { program: join(folder, platform.program), license: join(folder, 'LICENSE') };
}
