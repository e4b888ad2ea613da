import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Storage, startStorage } from '../../e2e/cluster/control-plane.ts';
import { nodeAddress } from '../../e2e/cluster/isolation.ts';
import type { Binaries } from '../../e2e/machine/binaries.ts';
import { run, succeed } from '../../e2e/support/command.ts';
import { createAuthority } from '../../test/support/authority.ts';
import { freePort } from '../../test/support/listen.ts';
import { startNullWebhook } from '../servers/null-webhook.ts';
import { cpuOf } from '../servers/process.ts';
import { startTagpinProcess, type TagpinProcess } from '../servers/tagpin.ts';

/** A Kubernetes object, for kubectl. */
export type Manifest = Readonly<Record<string, unknown>>;

/** The API server with tagpin before it, and a webhook that does nothing. */
export interface ClusterStage extends AsyncDisposable {
  readonly kubeconfig: string;
  readonly storage: Storage;
  /** tagpin's, as long as they aren't restarted. */
  readonly replicas: readonly Replica[];
  /** Milliseconds of a core that each has used so far; `webhooks` are tagpin's replicas and the one that does nothing. */
  cpu(): Record<'API server' | 'etcd' | 'webhooks', number>;
  /** Starts all replicas anew, which know nothing then. */
  restartTagpin(): Promise<void>;
  apply(...manifests: readonly Manifest[]): Promise<void>;
  /** A namespace with these labels, in which pods can be created; they pull with the login of that name. */
  addNamespace(name: string, labels?: Readonly<Record<string, string>>, login?: string): Promise<void>;
}

/** A process of tagpin's. */
interface Replica {
  readonly pid: number;
  readonly port: number;
  readonly healthPort: number;
}

const manifests = join(import.meta.dirname, '../../manifests');
const manifest = (file: string) =>
  z.looseObject({}).parse(parse(readFileSync(join(manifests, file), 'utf8'), { merge: true }));

/** The label of namespaces whose pods the webhook that does nothing is asked about; what its paths are called. */
const NULL_LABEL = 'bench.tagpin.dev/null';
export const nullLabel = (path: 'nothing' | 'patch') => ({ [NULL_LABEL]: path });

/**
 * Starts them in this process's namespaces. tagpin runs as a process instead of a pod; the API server comes to it by its
 * Service, as it would to a pod.
 *
 * @param settings tagpin's configuration
 */
export async function startClusterStage(
  directory: string,
  binaries: Binaries,
  settings: Readonly<Record<string, unknown>>,
  replicaCount = 1,
): Promise<ClusterStage> {
  await using started = new AsyncDisposableStack();
  mkdirSync(directory, { recursive: true });
  const authority = await createAuthority('tagpin bench');
  const storage = await startStorage(join(directory, 'control-plane'), binaries, authority);
  const { kubeconfig } = storage;
  const apply = async (...manifests: readonly Manifest[]) => {
    const items = { apiVersion: 'v1', kind: 'List', items: manifests };
    const command = [
      binaries.kubectl,
      '--kubeconfig',
      kubeconfig,
      'apply',
      '--server-side',
      '--filename',
      '-',
    ];
    await succeed(run(command, { input: JSON.stringify(items) }));
  };
  const addNamespace = async (name: string, labels = {}, login?: string) => {
    const account = { kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } };
    const imagePullSecrets = login === undefined ? [] : [{ name: login }];
    await apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
      { apiVersion: 'v1', ...account, imagePullSecrets },
    );
  };

  const inSystem = { namespace: 'tagpin-system' };
  await apply(manifest('base/namespace.yaml'));
  await apply(
    {
      ...manifest('overlays/default/certificate.yaml'),
      metadata: { ...inSystem, name: 'tagpin-certificate' },
    },
    manifest('base/webhook.yaml'),
  );
  const start = ({ port, healthPort }: Omit<Replica, 'pid'>) =>
    startTagpinProcess({ folder: directory, kubeconfig, port, healthPort, settings });
  const processes: (Omit<Replica, 'pid'> & { process: TagpinProcess })[] = [];
  started.defer(async () => {
    for (const { process } of processes) await process[Symbol.asyncDispose]();
  });
  for (let replica = 0; replica < replicaCount; replica++) {
    const ports = { port: await freePort(), healthPort: await freePort() };
    processes.push({ ...ports, process: await start(ports) });
  }
  const restartTagpin = async () => {
    for (const replica of processes) {
      await replica.process[Symbol.asyncDispose]();
      replica.process = await start(replica);
    }
  };
  await apply(...service(processes.map(({ port }) => port)));
  const nothing = started.use(await startNullWebhook(nodeAddress));
  await apply(nullConfiguration(nothing));
  const kept = started.move();
  return {
    kubeconfig,
    storage,
    get replicas() {
      return processes.map(({ port, healthPort, process: { pid } }) => ({ pid, port, healthPort }));
    },
    cpu() {
      const used = (pids: (number | undefined)[]) =>
        pids.reduce<number>((sum, pid) => sum + (pid === undefined ? 0 : cpuOf(pid)), 0);
      return {
        'API server': used([storage.apiServer.pid]),
        etcd: used([storage.etcd.pid]),
        webhooks: used([nothing.pid, ...processes.map(({ process: { pid } }) => pid)]),
      };
    },
    restartTagpin,
    apply,
    addNamespace,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The Service with its endpoints, which nobody makes where no controller runs; each replica has a port of its own. */
function service(ports: readonly number[]): Manifest[] {
  const metadata = { name: 'tagpin', namespace: 'tagpin-system' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { ports: [{ name: 'webhook', port: 443, targetPort: 'webhook' }] },
    },
    ...ports.map((port, index) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        ...metadata,
        name: `tagpin-${index}`,
        labels: { 'kubernetes.io/service-name': 'tagpin', 'endpointslice.kubernetes.io/managed-by': 'bench' },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [nodeAddress], conditions: { ready: true } }],
      ports: [{ name: 'webhook', port, protocol: 'TCP' }],
    })),
  ];
}

function nullConfiguration({ url, caPem }: { url: string; caPem: string }): Manifest {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'null' },
    webhooks: ['nothing', 'patch'].map((path) => ({
      name: `${path}.bench.tagpin.dev`,
      admissionReviewVersions: ['v1'],
      clientConfig: { url: `${url}${path}`, caBundle: Buffer.from(caPem).toString('base64') },
      failurePolicy: 'Fail',
      sideEffects: 'None',
      namespaceSelector: { matchLabels: { [NULL_LABEL]: path } },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    })),
  };
}
