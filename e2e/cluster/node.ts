import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Binaries } from '../machine/binaries.ts';
import { run } from '../support/command.ts';
import { startDaemon } from '../support/daemon.ts';
import { bridge, nodeAddress, podSubnet } from './isolation.ts';

const nodeName = 'node1';

export interface NodeOptions {
  readonly directory: string;
  readonly binaries: Binaries;
  readonly kubeconfig: string;
  /** The image that holds a pod's namespaces. */
  readonly sandboxImage: string;
  /** Registries whose certificates containerd verifies with this CA. */
  readonly registries: { readonly hosts: readonly string[]; readonly caFile: string };
}

/** Starts containerd, a kubelet and kube-proxy. Resolves when the node is ready. */
export async function startNode(options: NodeOptions): Promise<void> {
  const { directory, binaries, kubeconfig } = options;
  const at = (name: string) => join(directory, name);
  for (const folder of ['cni', 'kubelet']) mkdirSync(at(folder), { recursive: true });
  const socket = at('containerd.sock');
  writeFileSync(at('containerd.toml'), containerdConfiguration(options, socket));
  writeFileSync(at('cni/10-e2e.conflist'), JSON.stringify(podNetwork));
  writeFileSync(at('resolv.conf'), 'nameserver 127.0.0.1\n');
  writeFileSync(at('kubelet.yaml'), stringify(kubeletConfiguration(directory, socket)));
  for (const host of options.registries.hosts) {
    const folder = at(`certs.d/${host}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'hosts.toml'), containerdHosts(host, options.registries.caFile));
  }
  const start = (name: string, ...command: string[]) =>
    startDaemon({ name, command, logFile: at(`${name}.log`) });

  const containerd = start('containerd', 'containerd', '--config', at('containerd.toml'));
  await containerd.ready(async () => (existsSync(socket) ? true : undefined));
  const kubelet = start(
    'kubelet',
    binaries.kubelet,
    `--config=${at('kubelet.yaml')}`,
    `--kubeconfig=${kubeconfig}`,
    `--root-dir=${at('kubelet')}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${nodeAddress}`,
  );
  start(
    'kube-proxy',
    binaries['kube-proxy'],
    `--kubeconfig=${kubeconfig}`,
    '--proxy-mode=nftables',
    `--hostname-override=${nodeName}`,
    `--cluster-cidr=${podSubnet}`,
  );
  const condition = '{.status.conditions[?(@.type=="Ready")].status}';
  await kubelet.ready(async () => {
    const get = ['get', 'node', nodeName, '-o', `jsonpath=${condition}`];
    const { stdout } = await run([binaries.kubectl, '--kubeconfig', kubeconfig, ...get]);
    return stdout === 'True' ? true : undefined;
  });
}

/** The hosts.toml of a registry with a private CA. */
export function containerdHosts(host: string, caFile: string): string {
  const url = `https://${host}`;
  return `server = "${url}"\n[host."${url}"]\n  ca = "${caFile}"\n`;
}

const podNetwork = {
  cniVersion: '0.4.0',
  name: 'e2e',
  plugins: [
    {
      type: 'bridge',
      bridge,
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: podSubnet, rangeStart: podSubnet.replace('.0/24', '.10') }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'loopback' },
  ],
};

/** For containerd 1.6 and later: 2.x also reads version 2 of the file. */
function containerdConfiguration({ directory, sandboxImage }: NodeOptions, socket: string): string {
  return `version = 2
root = "${join(directory, 'containerd')}"
state = "/run/containerd-e2e"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  # In a process namespace the score can't be lowered.
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${join(directory, 'cni')}"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "${join(directory, 'certs.d')}"
`;
}

/** Works with both versions of control groups, and leaves the machine's own alone. */
function kubeletConfiguration(directory: string, socket: string) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    containerRuntimeEndpoint: `unix://${socket}`,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    podLogsDir: join(directory, 'pod-logs'),
    resolvConf: join(directory, 'resolv.conf'),
    // Other load on the machine must not evict the tests' pods.
    evictionHard: { 'memory.available': '10Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    serializeImagePulls: false,
  };
}
