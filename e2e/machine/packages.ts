import { existsSync } from 'node:fs';
import { run, succeed } from '../support/command.ts';

/** Debian's packages for the cluster, the registries and the tests, each with a file that shows it is installed. */
const packages: Readonly<Record<string, string>> = {
  'apache2-utils': '/usr/bin/htpasswd',
  buildah: '/usr/bin/buildah',
  'busybox-static': '/bin/busybox',
  containerd: '/usr/bin/containerd',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  'docker-registry': '/usr/bin/docker-registry',
  gcc: '/usr/bin/gcc',
  git: '/usr/bin/git',
  iproute2: '/sbin/ip',
  'libc6-dev': '/usr/include/stdlib.h',
  nftables: '/usr/sbin/nft',
  prometheus: '/usr/bin/promtool',
  runc: '/usr/sbin/runc',
};

/** The packages that this machine lacks. */
export function missingPackages(): string[] {
  return Object.entries(packages)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);
}

/** Installs packages, without starting their services: the cluster starts its own. */
export async function installPackages(names: readonly string[], signal: AbortSignal): Promise<void> {
  if (!existsSync('/usr/bin/apt-get'))
    throw new Error(`this machine has no apt-get; install by hand what matches Debian's ${names.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await succeed(run(['apt-get', 'update', '-qq'], { env, signal }));
  const install = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...names];
  await succeed(run(install, { env, signal }));
}
