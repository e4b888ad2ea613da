import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from '../../test/support/authority.ts';
import type { Binaries } from '../machine/binaries.ts';
import { run } from '../support/command.ts';
import { type Daemon, startDaemon } from '../support/daemon.ts';
import { nodeAddress } from './isolation.ts';

const etcdClients = 'http://127.0.0.1:2379';
const apiServerPort = 6443;
const token = 'e2e-admin';

/** A running API server with its etcd. */
export interface Storage {
  /** The path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly ca: string;
  readonly accountKey: string;
  readonly etcd: Daemon;
  readonly apiServer: Daemon;
}

/** Starts etcd, API server, controller manager and scheduler. Returns the path of an administrator's kubeconfig. */
export async function startControlPlane(
  directory: string,
  binaries: Binaries,
  authority: Authority,
): Promise<string> {
  const storage = await startStorage(directory, binaries, authority);
  await startControllers(directory, binaries, storage);
  return storage.kubeconfig;
}

/** Starts only etcd and the API server: objects there stay unchanged, because no controller runs. */
export async function startStorage(
  directory: string,
  binaries: Binaries,
  authority: Authority,
): Promise<Storage> {
  mkdirSync(directory, { recursive: true });
  const at = (name: string) => join(directory, name);
  const write = (name: string, content: string) => {
    writeFileSync(at(name), content, { mode: 0o600 });
    return at(name);
  };
  const start = starter(directory, binaries);

  const etcd = start(
    'etcd',
    `--data-dir=${at('etcd')}`,
    `--listen-client-urls=${etcdClients}`,
    `--advertise-client-urls=${etcdClients}`,
    // The data needn't outlive the cluster.
    '--unsafe-no-fsync',
    '--log-level=warn',
  );

  const serving = await authority.issue([nodeAddress, '127.0.0.1', 'kubernetes.default.svc', '10.96.0.1']);
  const ca = write('ca.crt', authority.caPem);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const accountKey = write(
    'service-account.key',
    privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  );
  const apiServer = start(
    'kube-apiserver',
    `--etcd-servers=${etcdClients}`,
    `--secure-port=${apiServerPort}`,
    `--advertise-address=${nodeAddress}`,
    `--cert-dir=${at('apiserver')}`,
    `--tls-cert-file=${write('apiserver.crt', serving.cert)}`,
    `--tls-private-key-file=${write('apiserver.key', serving.key)}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    `--token-auth-file=${write('tokens.csv', `${token},admin,admin,"system:masters"\n`)}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    // The API server calls a webhook's pods directly, because it has no kube-proxy.
    '--enable-aggregator-routing=true',
    // DNS doesn't have the node's name.
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${accountKey}`,
    `--service-account-signing-key-file=${accountKey}`,
  );
  const kubeconfig = write(
    'kubeconfig',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'e2e',
          cluster: { server: `https://${nodeAddress}:${apiServerPort}`, 'certificate-authority': ca },
        },
      ],
      users: [{ name: 'admin', user: { token } }],
      contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'admin' } }],
      'current-context': 'e2e',
    }),
  );
  const ready = [binaries.kubectl, '--kubeconfig', kubeconfig, 'get', '--raw', '/readyz'];
  await apiServer.ready(async () => ((await run(ready)).code === 0 ? true : undefined));
  return { kubeconfig, ca, accountKey, etcd, apiServer };
}

/** Starts controller manager and scheduler, with these additional flags. */
export async function startControllers(
  directory: string,
  binaries: Binaries,
  { kubeconfig, ca, accountKey }: Storage,
  flags: Readonly<Partial<Record<keyof Binaries, readonly string[]>>> = {},
): Promise<void> {
  const start = starter(directory, binaries);
  const manager = start(
    'kube-controller-manager',
    `--kubeconfig=${kubeconfig}`,
    `--service-account-private-key-file=${accountKey}`,
    `--root-ca-file=${ca}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    // One of the tests creates a thousand Deployments at once.
    '--kube-api-qps=300',
    '--kube-api-burst=600',
    '--concurrent-deployment-syncs=20',
    '--concurrent-replicaset-syncs=20',
    ...(flags['kube-controller-manager'] ?? []),
  );
  start(
    'kube-scheduler',
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    ...(flags['kube-scheduler'] ?? []),
  );
  const account = [binaries.kubectl, '--kubeconfig', kubeconfig, 'get', 'serviceaccount', 'default'];
  await manager.ready(async () => ((await run(account)).code === 0 ? true : undefined));
}

const starter =
  (directory: string, binaries: Binaries) =>
  (name: keyof Binaries, ...flags: string[]) =>
    startDaemon({ name, command: [binaries[name], ...flags], logFile: join(directory, `${name}.log`) });
