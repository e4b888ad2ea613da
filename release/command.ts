import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, succeed } from '../e2e/support/command.ts';
import { archive } from './archive.ts';
import type { Bundle } from './bundle.ts';
import { unpackNode } from './node.ts';
import { isNative, type Platform } from './platforms.ts';
import { project, type Release, version } from './release.ts';

/** The name of the archive with the command for a platform. */
export const archiveName = ({ os, arch }: Platform) => `tagpin_${version}_${os}_${arch}.tar.gz`;

/** The command in its archive. */
export const programName = ({ os }: Platform) => (os === 'windows' ? 'tagpin.exe' : 'tagpin');

/** The program that kubectl calls to complete `kubectl tagpin …`. */
const completer = `#!/bin/sh
exec kubectl-tagpin __complete "$@"
`;

/**
 * Builds the command for a platform as one file, which needs no Node.js (a single executable application), and archives
 * it in the folder of artifacts. Returns the path of the command.
 */
export async function buildCommand(release: Release, { file }: Bundle, platform: Platform): Promise<string> {
  const { work, out, signal } = release;
  const folder = join(work, platform.name);
  const node = await unpackNode(release, platform, folder);
  if (platform.os === 'linux' && isNative(platform)) await succeed(run(['strip', node.program], { signal }));
  const output = join(work, `${platform.name}-${programName(platform)}`);
  const config = {
    main: file,
    mainFormat: 'module',
    executable: node.program,
    output,
    disableExperimentalSEAWarning: true,
    // V8 reads only what the same V8 on the same kind of processor has compiled. It halves the time to start.
    useCodeCache: isNative(platform),
  };
  const configFile = join(work, `${platform.name}.json`);
  writeFileSync(configFile, JSON.stringify(config));
  await succeed(run([process.execPath, `--build-sea=${configFile}`], { signal }));
  // The change made Apple's signature of the file void, and Apple's processors run only what is signed.
  if (process.platform === 'darwin' && platform.os === 'darwin')
    await succeed(run(['codesign', '--force', '--sign', '-', output], { signal }));
  const files = [
    { name: programName(platform), bytes: readFileSync(output), mode: 0o755 },
    { name: 'kubectl_complete-tagpin', bytes: Buffer.from(completer), mode: 0o755 },
    { name: 'LICENSE', bytes: readFileSync(join(project, 'LICENSE')), mode: 0o644 },
    { name: 'LICENSE.node', bytes: readFileSync(node.license), mode: 0o644 },
  ];
  writeFileSync(join(out, archiveName(platform)), archive(files));
  return output;
}
