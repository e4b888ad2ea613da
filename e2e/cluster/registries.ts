import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from '../../test/support/authority.ts';
import { furnishShell } from '../image/base.ts';
import { writeDockerConfig } from '../support/account.ts';
import { run, succeed } from '../support/command.ts';
import { createCrane } from '../support/crane.ts';
import { startRegistry } from '../support/registry.ts';
import { nodeAddress } from './isolation.ts';

/** The registries' names in the cluster. */
export const registryNames = {
  open: 'registry.test',
  private: 'private.registry.test',
  /** Another name of the open registry, where nothing listens, unless a test starts a proxy there. */
  detour: 'detour.registry.test',
};
const ports = { open: 5443, private: 5444, detour: 5445 };
const account = { username: 'puller', password: 'e2e-secret' };

/** Lines for /etc/hosts. */
export const registryHosts = Object.values(registryNames).map((name) => `${nodeAddress} ${name}`);

export interface Registries {
  /** Host and port. */
  readonly openRegistry: string;
  readonly privateRegistry: string;
  readonly detourRegistry: string;
  /** The files of the open registry's certificate, which is also valid for the detour, and of its key. */
  readonly openKeyPair: { readonly cert: string; readonly key: string };
  /** The log of the open registry, with a line for each request. */
  readonly registryLog: string;
  readonly account: typeof account;
  /** A folder with the CA of the registries' certificates, as `ca.crt`. */
  readonly caFolder: string;
  readonly caFile: string;
  readonly dockerConfig: string;
  readonly shellImage: string;
  readonly sandboxImage: string;
}

/** Starts two registries with TLS, a public one and one with an account, and pushes the first images to them. */
export async function startRegistries(
  directory: string,
  binaries: { readonly registry: string; readonly crane: string },
  authority: Authority,
  address = nodeAddress,
): Promise<Registries> {
  const caFolder = join(directory, 'ca');
  const caFile = join(caFolder, 'ca.crt');
  mkdirSync(caFolder, { recursive: true });
  writeFileSync(caFile, authority.caPem);
  const start = async (kind: 'open' | 'private') => {
    const folder = join(directory, kind);
    mkdirSync(folder, { recursive: true });
    const pair = await authority.issue(
      kind === 'open' ? [registryNames.open, registryNames.detour] : [registryNames.private],
    );
    const tls = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
    writeFileSync(tls.certificate, pair.cert);
    writeFileSync(tls.key, pair.key, { mode: 0o600 });
    const listen = `${address}:${ports[kind]}`;
    const auth = kind === 'private' ? { auth: account } : {};
    await startRegistry({ binary: binaries.registry, directory: folder, listen, tls, ...auth });
    return `${registryNames[kind]}:${ports[kind]}`;
  };
  const [openRegistry, privateRegistry] = await Promise.all([start('open'), start('private')]);
  const dockerConfig = join(directory, 'docker');
  writeDockerConfig(dockerConfig, privateRegistry, account);
  const crane = createCrane({ crane: binaries.crane, caFile, dockerConfig });
  const images = await pushFirstImages(directory, openRegistry, crane);
  return {
    openRegistry,
    privateRegistry,
    detourRegistry: `${registryNames.detour}:${ports.detour}`,
    openKeyPair: { cert: join(directory, 'open', 'tls.crt'), key: join(directory, 'open', 'tls.key') },
    registryLog: join(directory, 'open', 'registry.log'),
    account,
    caFolder,
    caFile,
    dockerConfig,
    ...images,
  };
}

async function pushFirstImages(
  directory: string,
  host: string,
  crane: (...args: string[]) => Promise<string>,
) {
  const root = join(directory, 'shell');
  const layer = `${root}.tar`;
  furnishShell(root, ['sh', 'sleep', 'cat', 'ls']);
  await succeed(run(['tar', '--create', '--file', layer, '--directory', root, '.']));
  const shellImage = `${host}/base/shell:1`;
  const sandboxImage = `${host}/base/sandbox:1`;
  await crane('append', '--new_layer', layer, '--new_tag', shellImage);
  await crane('mutate', shellImage, '--entrypoint', '/bin/sleep', '--cmd', 'infinity', '--tag', sandboxImage);
  return { shellImage, sandboxImage };
}
