import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addLibraries, furnishShell } from '../image/base.ts';
import { type Result, run } from './command.ts';

/** A root of its own, with a shell and the C libraries: neither Node.js, nor Go, nor a clone. */
export interface FreshMachine {
  /** The folder that is its root. */
  readonly root: string;
  /** Copies a file into its folder /root, which is where commands run. */
  give(file: string, name: string): void;
  run(commands: string): Promise<Result>;
}

/** The C libraries are those that Node.js is linked with here. */
export async function createFreshMachine(root: string, kubectl: string): Promise<FreshMachine> {
  furnishShell(root, ['sh', 'cat', 'find', 'gzip', 'ln', 'mkdir', 'sha256sum', 'tar']);
  await addLibraries(process.execPath, root);
  copyFileSync(kubectl, join(root, 'usr/bin/kubectl'));
  for (const folder of ['root', 'tmp', 'etc', 'proc']) mkdirSync(join(root, folder), { recursive: true });
  for (const file of ['/etc/hosts', '/etc/resolv.conf']) copyFileSync(file, join(root, file));
  const environment = ['-i', 'HOME=/root', 'PATH=/root/bin:/usr/bin', 'KUBECONFIG=/root/kubeconfig'];
  return {
    root,
    give: (file, name) => copyFileSync(file, join(root, 'root', name)),
    run: (commands) => {
      const inside = [
        'env',
        ...environment,
        '/usr/sbin/chroot',
        root,
        '/bin/sh',
        '-euc',
        `cd /root\n${commands}`,
      ];
      // kubectl finds itself there before it starts a plugin.
      const proc = ['sh', '-euc', 'mount --bind /proc "$0/proc"; exec "$@"', root];
      return run(['unshare', '--mount', ...proc, ...inside]);
    },
  };
}
