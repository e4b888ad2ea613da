import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '../../test/support/authority.ts';
import type { Programs } from '../machine/binaries.ts';
import type { StartedCluster } from '../support/cluster.ts';
import { run, succeed } from '../support/command.ts';
import { step } from '../support/step.ts';
import { installTagpin } from './install.ts';
import { coverFile, currentHosts } from './isolation.ts';
import { containerdHosts } from './node.ts';
import { registryNames, startRegistries } from './registries.ts';

const project = join(import.meta.dirname, '../..');
const cluster = 'tagpin-e2e';
const node = `${cluster}-control-plane`;
const image = 'tagpin:e2e';

/** Builds tagpin's image with Docker. */
export async function buildDockerImage(signal: AbortSignal): Promise<void> {
  await succeed(run(['docker', 'build', '--tag', image, project], { signal }));
}

/**
 * Starts a kind cluster with tagpin installed. The registries run on this machine, at the gateway of kind's network,
 * which this machine, the node and the pods can all reach.
 */
export async function startKindCluster(directory: string, programs: Programs): Promise<StartedCluster> {
  const kubeconfig = join(directory, 'kubeconfig');
  await step('kind cluster created', () =>
    succeed(
      run([
        'kind',
        'create',
        'cluster',
        '--name',
        cluster,
        '--config',
        join(project, 'kind-config.yaml'),
        '--kubeconfig',
        kubeconfig,
        '--wait',
        '120s',
      ]),
    ),
  );
  const address = await gateway();
  const names = Object.values(registryNames);
  const hosts = names.map((name) => `${address} ${name}`).join('\n');
  await coverFile('/etc/hosts', `${currentHosts()}\n${hosts}\n`, directory);
  const registries = await startRegistries(
    join(directory, 'registries'),
    programs,
    await createAuthority('tagpin e2e'),
    address,
  );
  await onNode(['sh', '-c', 'cat >>/etc/hosts'], `${hosts}\n`);
  await onNode(['sh', '-c', 'cat >/etc/ssl/tagpin-e2e.crt'], readFileSync(registries.caFile, 'utf8'));
  for (const host of [registries.openRegistry, registries.privateRegistry, registries.detourRegistry]) {
    const file = `/etc/containerd/certs.d/${host}/hosts.toml`;
    const content = containerdHosts(host, '/etc/ssl/tagpin-e2e.crt');
    await onNode(['sh', '-c', `mkdir -p ${file.replace('/hosts.toml', '')} && cat >${file}`], content);
  }
  await succeed(run(['kind', 'load', 'docker-image', image, '--name', cluster]));
  const install = join(directory, 'install');
  mkdirSync(install);
  await step('tagpin installed', () =>
    installTagpin({
      directory: install,
      kubectl: programs.kubectl,
      kubeconfig,
      image,
      caFile: registries.caFile,
      registries: [registries.openRegistry, registries.privateRegistry, registries.detourRegistry],
      hostAliases: [{ ip: address, hostnames: names }],
    }),
  );
  return {
    kubeconfig,
    programs,
    directory,
    ...registries,
    runsImageVolumes: true,
  };
}

/** Removes the cluster, if there is one. */
export async function deleteKindCluster(): Promise<void> {
  await run(['kind', 'delete', 'cluster', '--name', cluster]);
}

/** This machine's address on kind's network. */
async function gateway(): Promise<string> {
  const format = '{{range .IPAM.Config}}{{println .Gateway}}{{end}}';
  const gateways = await succeed(run(['docker', 'network', 'inspect', 'kind', '--format', format]));
  const address = gateways.split('\n').find((line) => /^[\d.]+$/.test(line));
  if (address === undefined) throw new Error(`kind's network has no IPv4 gateway: ${gateways}`);
  return address;
}

async function onNode(command: readonly string[], input: string): Promise<void> {
  await succeed(run(['docker', 'exec', '--interactive', node, ...command], { input }));
}
