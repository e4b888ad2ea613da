import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, succeed } from '../support/command.ts';

const project = join(import.meta.dirname, '../..');
/** The oldest Node.js that tagpin supports: `engines` in package.json. */
const NODE = 'node@24';

/**
 * Packs tagpin as npm would publish it, and installs it in a new folder, beside the oldest Node.js that it supports.
 * Returns the folder to put first on the path.
 */
export async function installPackage(directory: string, signal: AbortSignal): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const manifest = { private: true, allowScripts: { node: true } };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
  const pack = ['npm', 'pack', '--silent', '--pack-destination', directory];
  const tarball = (await succeed(run(pack, { cwd: project, signal }))).split('\n').at(-1) ?? '';
  const install = ['npm', 'install', '--no-audit', '--no-fund', join(directory, tarball), NODE];
  await succeed(run(install, { cwd: directory, signal }));
  return join(directory, 'node_modules/.bin');
}

/** Has npm cache the Node.js of other platforms, for the release that a test makes where there is no network. */
export async function cacheNode(packages: readonly string[], signal: AbortSignal): Promise<void> {
  await succeed(run(['npm', 'cache', 'add', '--prefer-offline', ...packages], { signal }));
}
