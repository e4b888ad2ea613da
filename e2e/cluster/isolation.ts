import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run, succeed } from '../support/command.ts';

/** The address that pods, node and registries share: the pod bridge's. */
export const nodeAddress = '10.245.7.1';
export const podSubnet = '10.245.7.0/24';
export const bridge = 'tagpin-e2e0';

/**
 * The command that runs another one in new namespaces for mounts, network and processes. The whole cluster is inside, so
 * nothing on the machine must be restored: when the command ends, the kernel kills every process inside, and removes
 * mounts, bridge and firewall rules with them.
 */
export function isolated(command: readonly string[]): string[] {
  return ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', ...command];
}

/** The command that runs another one in a new mount namespace only. */
export function withOwnMounts(command: readonly string[]): string[] {
  return ['unshare', '--mount', ...command];
}

/**
 * Runs a command until it ends or is aborted; returns its exit code. Its standard input closes when this process ends,
 * and the command must then end too.
 */
export async function runSession(
  [program = '', ...args]: readonly string[],
  signal: AbortSignal,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  // Its own process group, so that Ctrl-C reaches only this process.
  const child = spawn(program, args, {
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
    env: { ...process.env, ...env },
  });
  const end = () => child.stdin.destroy();
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}

/** The kubelet writes these sysctls, which have no namespace: it gets copies to write to. */
const kubeletSysctls = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

/** Sets up this process's new namespaces. Files go to `directory`; `hosts` are lines for /etc/hosts. */
export async function furnish(directory: string, hosts: readonly string[]): Promise<void> {
  const on = async (...command: string[]) => void (await succeed(run(command)));
  // The kubelet mounts pods' volumes, and the runtime must see them.
  await on('mount', '--make-rshared', '/');
  await on('mount', '-t', 'proc', 'proc', '/proc');
  for (const folder of ['/run', '/var/lib', '/var/log']) await on('mount', '-t', 'tmpfs', 'tmpfs', folder);
  await coverFile('/etc/hosts', `${currentHosts()}\n${hosts.join('\n')}\n`, directory);
  for (const name of kubeletSysctls) {
    const path = join('/proc/sys', name);
    await coverFile(path, readFileSync(path, 'utf8'), directory);
  }
  await on('ip', 'link', 'set', 'lo', 'up');
  await on('ip', 'link', 'add', bridge, 'type', 'bridge');
  await on('ip', 'addr', 'add', `${nodeAddress}/24`, 'dev', bridge);
  await on('ip', 'link', 'set', bridge, 'up');
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
}

/** The content of /etc/hosts, to extend. */
export const currentHosts = () => readFileSync('/etc/hosts', 'utf8').trimEnd();

/** Replaces a file's content in this mount namespace only. */
export async function coverFile(path: string, content: string, directory: string): Promise<void> {
  const copy = join(directory, 'covers', path);
  mkdirSync(dirname(copy), { recursive: true });
  writeFileSync(copy, content);
  await succeed(run(['mount', '--bind', copy, path]));
}

/** Only control groups outlive the namespaces. containerd creates all of the cluster's below this one. */
const podControlGroup = 'k8s.io';

/** Records the existing control groups. The returned function removes those added since, after the cluster has ended. */
export function noteControlGroups(): () => void {
  const all = ['.', ...readdirSync('/sys/fs/cgroup')].map((name) =>
    join('/sys/fs/cgroup', name, podControlGroup),
  );
  const absent = all.filter((path) => !existsSync(path));
  return () => {
    for (const path of absent) if (existsSync(path)) removeGroup(path);
  };
}

function removeGroup(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(path, entry.name));
  rmdirSync(path);
}
