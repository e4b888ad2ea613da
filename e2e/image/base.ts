import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { run, succeed } from '../support/command.ts';

const project = join(import.meta.dirname, '../..');
const busybox = '/bin/busybox';

/**
 * Fills a folder with a base image made from this machine: Node.js with its libraries, at distroless's paths. It replaces
 * gcr.io/distroless if that can't be reached.
 */
export async function furnishNode(root: string): Promise<void> {
  await addProgram(process.execPath, join(root, 'nodejs/bin/node'), root);
  mkdirSync(join(root, 'tmp'), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  addFile(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/\nnonroot:x:65532:65532:nonroot:/home/nonroot:/\n',
  );
}

/** The same with a shell, npm and node on the path, for the build. It replaces `node:26-slim`. */
export async function furnishNodeForBuilding(root: string): Promise<void> {
  await furnishNode(root);
  const bin = join(root, 'usr/local/bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync('/nodejs/bin/node', join(bin, 'node'));
  const npm = npmFolder();
  cpSync(npm, join(root, 'usr/lib/node_modules/npm'), { recursive: true, dereference: true });
  symlinkSync('/usr/lib/node_modules/npm/bin/npm-cli.js', join(bin, 'npm'));
  // The bundler's native binary, in the version that the build installs.
  for (const addon of globSync(join(project, 'node_modules/@rolldown/binding-*/*.node')))
    await addLibraries(addon, root);
  // npm's own scripts start with `/usr/bin/env node`.
  furnishShell(root, ['sh', 'env', 'uname']);
}

/** A static shell under these names, which is all that a test's container needs. */
export function furnishShell(root: string, names: readonly string[]): void {
  const bin = join(root, 'usr/bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(busybox, join(bin, 'busybox'));
  for (const name of names) symlinkSync('busybox', join(bin, name));
  symlinkSync('usr/bin', join(root, 'bin'));
}

async function addProgram(program: string, target: string, root: string): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(program, target);
  await addLibraries(program, root);
}

/** Copies the shared libraries that a program or library is linked with, to the same paths. */
export async function addLibraries(program: string, root: string): Promise<void> {
  const linked = await succeed(run(['ldd', program]));
  for (const [library] of linked.matchAll(/\/\S+/g)) {
    const copy = join(root, library);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(library, copy);
  }
}

function addFile(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** The folder of the npm that runs this. */
function npmFolder(): string {
  const script = process.env['npm_execpath'];
  if (script === undefined || !existsSync(script)) throw new Error('start this by npm: npm run e2e');
  const folder = resolve(dirname(script), '..');
  if (basename(folder) !== 'npm') throw new Error(`expected npm's own folder, not ${folder}`);
  return folder;
}
