import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';
import { z } from 'zod';
import config from '../rolldown.config.ts';
import { project } from './release.ts';

/** An npm package of which something is in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
}

export interface Bundle {
  /** All of tagpin in one ES module. */
  readonly file: string;
  readonly packages: readonly BundledPackage[];
}

/**
 * `require` in the bundle is for Node.js's own modules alone. Where a single executable is, it learns from /proc, and
 * without it, as in a chroot, `import.meta.url` isn't a URL. This one is absolute on every system.
 */
const requireFromAnywhere: Plugin = {
  name: 'require-from-anywhere',
  renderChunk(code) {
    const said = 'createRequire(import.meta.url)';
    if (!code.includes(said)) this.error(`the bundle has no ${said}`);
    return code.replaceAll(said, "createRequire('file:///C:/')");
  },
};

/** Bundles tagpin into one file: a single executable can't load others. */
export async function bundle(folder: string): Promise<Bundle> {
  const { chunkFileNames: _, dir: _dir, ...output } = config.output;
  const build = await rolldown({ ...config, plugins: [requireFromAnywhere], cwd: project });
  try {
    const file = join(folder, 'tagpin.mjs');
    const made = await build.write({ ...output, file, cleanDir: false, codeSplitting: false });
    const modules = made.output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
    return { file, packages: packagesOf(modules) };
  } finally {
    await build.close();
  }
}

const manifest = z.object({ name: z.string(), version: z.string(), license: z.string() });

/** The packages that modules belong to, by their names. Two versions of one package are two. */
function packagesOf(modules: readonly string[]): BundledPackage[] {
  const folders = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []));
  return [...folders]
    .map((folder) => manifest.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))))
    .sort((a, b) => order(a.name, b.name) || order(a.version, b.version));
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
