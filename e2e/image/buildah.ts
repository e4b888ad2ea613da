import { join } from 'node:path';
import { run, succeed } from '../support/command.ts';

/** New namespaces, because a build's processes leave its process group and must still end with it. */
const together = ['unshare', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];

/** Buildah with its storage in a folder. */
export const buildah = (directory: string) => [
  'buildah',
  '--root',
  join(directory, 'storage'),
  '--runroot',
  join(directory, 'run'),
  '--storage-driver',
  'vfs',
];

/** Builds an image, without a container runtime. */
export async function bud(
  directory: string,
  options: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const command = [...together, ...buildah(directory), 'bud', '--isolation', 'chroot', ...options];
  await succeed(run(command, signal && { signal }));
}
