import { join } from 'node:path';
import { createAuthority } from '../../test/support/authority.ts';
import { type BuiltImage, pushImage } from '../image/build.ts';
import type { Binaries } from '../machine/binaries.ts';
import type { StartedCluster } from '../support/cluster.ts';
import { run } from '../support/command.ts';
import { step } from '../support/step.ts';
import { startControlPlane } from './control-plane.ts';
import { installTagpin } from './install.ts';
import { nodeAddress } from './isolation.ts';
import { startNode } from './node.ts';
import { registryNames, startRegistries } from './registries.ts';

/** Starts a cluster of one node in this process's namespaces, with tagpin installed from a built image. */
export async function startLocalCluster(
  directory: string,
  binaries: Binaries,
  image: BuiltImage,
): Promise<StartedCluster> {
  const authority = await createAuthority('tagpin e2e');
  const [registries, kubeconfig] = await Promise.all([
    step('registries started', () => startRegistries(join(directory, 'registries'), binaries, authority)),
    step('control plane started', () =>
      startControlPlane(join(directory, 'control-plane'), binaries, authority),
    ),
  ]);
  const hosts = [registries.openRegistry, registries.privateRegistry, registries.detourRegistry];
  const tagpinImage = `${registries.openRegistry}/tagpin:e2e`;
  await Promise.all([
    step('node started', () =>
      startNode({
        directory: join(directory, 'node'),
        binaries,
        kubeconfig,
        sandboxImage: registries.sandboxImage,
        registries: { hosts, caFile: registries.caFile },
      }),
    ),
    step('image pushed', () => pushImage(image, tagpinImage, registries.caFolder)),
  ]);
  await step('tagpin installed', () =>
    installTagpin({
      directory: join(directory, 'install'),
      kubectl: binaries.kubectl,
      kubeconfig,
      image: tagpinImage,
      caFile: registries.caFile,
      registries: hosts,
      hostAliases: [{ ip: nodeAddress, hostnames: Object.values(registryNames) }],
    }),
  );
  return {
    kubeconfig,
    programs: binaries,
    directory,
    image,
    ...registries,
    runsImageVolumes: await runsImageVolumes(),
  };
}

async function runsImageVolumes(): Promise<boolean> {
  const { stdout } = await run(['containerd', '--version']);
  const [, major = '0', minor = '0'] = /\bv?(\d+)\.(\d+)\.\d+/.exec(stdout) ?? [];
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 1);
}
