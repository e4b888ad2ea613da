import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type Storage, startStorage } from '../../e2e/cluster/control-plane.ts';
import { nodeAddress } from '../../e2e/cluster/isolation.ts';
import { type Binaries, prepareBinaries } from '../../e2e/machine/binaries.ts';
import { run, succeed } from '../../e2e/support/command.ts';
import { createAuthority } from '../../test/support/authority.ts';
import { systemNamespace, webhookObjects } from '../../test/support/cluster-objects.ts';
import { startFloor } from '../stage/floor.ts';
import { cpuOf, type ReviewServer } from '../stage/process.ts';
import { startTagpin, type TagpinOptions, type TagpinProcess } from '../stage/tagpin.ts';
import { Api } from './api.ts';
import { isolatedFolder } from './isolate.ts';

/** A Kubernetes object, for kubectl. */
type Manifest = Readonly<Record<string, unknown>>;

/** The label of namespaces whose pods the bare webhook is asked about: its value is the webhook's path. */
const BARE_LABEL = 'bench.tagpin.dev/bare';
export const bareLabel = (path: 'nothing' | 'patch') => ({ [BARE_LABEL]: path });

const BARE_PATCH = [{ op: 'add', path: '/metadata/annotations/example.com~1patched', value: 'yes' }];

/**
 * A real API server that calls replicas of tagpin and a bare webhook. They run as processes; the API server reaches
 * tagpin by its Service, as it reaches a pod.
 */
export interface ClusterStage extends AsyncDisposable {
  readonly folder: string;
  readonly binaries: Binaries;
  readonly storage: Storage;
  readonly api: Api;
  /** Until they are restarted. */
  readonly replicas: readonly TagpinProcess[];
  /** Milliseconds of a core that each has used so far; `webhooks` are tagpin's replicas and the bare one. */
  cpu(): Record<'API server' | 'etcd' | 'webhooks', number>;
  /** Starts all replicas anew, with empty caches. */
  restartTagpin(): Promise<void>;
  apply(objects: readonly Manifest[]): Promise<void>;
}

/** Starts a cluster in this process's own namespaces: one at a time, because its ports are fixed. */
export async function startClusterStage(
  options: TagpinOptions = {},
  replicaCount = 1,
): Promise<ClusterStage> {
  await using started = new AsyncDisposableStack();
  const folder = mkdtempSync(join(isolatedFolder, 'cluster-'));
  const binaries = await prepareBinaries(AbortSignal.timeout(60_000));
  const authority = await createAuthority('tagpin bench');
  const storage = await startStorage(join(folder, 'control-plane'), binaries, authority);
  started.use(storage.etcd);
  started.use(storage.apiServer);
  const { kubeconfig } = storage;
  const apply = async (items: readonly Manifest[]) => {
    const kubectl = [binaries.kubectl, '--kubeconfig', kubeconfig];
    const command = [...kubectl, 'apply', '--server-side', '--filename', '-'];
    await succeed(run(command, { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) }));
  };
  await apply([systemNamespace(), ...webhookObjects()]);
  const replicas: TagpinProcess[] = [];
  started.defer(async () => {
    for (const replica of replicas) await replica[Symbol.asyncDispose]();
  });
  for (let count = 0; count < replicaCount; count++)
    replicas.push(await startTagpin(folder, kubeconfig, options));
  const bare = started.use(
    await startFloor(Buffer.from(JSON.stringify(BARE_PATCH)).toString('base64'), nodeAddress),
  );
  await apply([...service(replicas), bareConfiguration(bare)]);
  const api = started.use(new Api(kubeconfig));
  const kept = started.move();
  return {
    folder,
    binaries,
    storage,
    api,
    replicas,
    cpu() {
      const used = (pids: readonly (number | undefined)[]) =>
        pids.reduce<number>((sum, pid) => sum + (pid === undefined ? 0 : cpuOf(pid)), 0);
      return {
        'API server': used([storage.apiServer.pid]),
        etcd: used([storage.etcd.pid]),
        webhooks: used([bare.pid, ...replicas.map(({ pid }) => pid)]),
      };
    },
    async restartTagpin() {
      for (const [index, replica] of replicas.entries()) {
        await replica[Symbol.asyncDispose]();
        const { port, healthPort } = replica;
        replicas[index] = await startTagpin(folder, kubeconfig, { ...options, ports: { port, healthPort } });
      }
    },
    apply,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The Service with its endpoints, which no controller makes here; each replica has a port of its own. */
function service(replicas: readonly TagpinProcess[]): Manifest[] {
  const metadata = { name: 'tagpin', namespace: 'tagpin-system' };
  const labels = {
    'kubernetes.io/service-name': 'tagpin',
    'endpointslice.kubernetes.io/managed-by': 'bench',
  };
  const spec = { ports: [{ name: 'webhook', port: 443, targetPort: 'webhook' }] };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec },
    ...replicas.map(({ port }) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, name: `tagpin-${port}`, labels },
      addressType: 'IPv4',
      endpoints: [{ addresses: [nodeAddress], conditions: { ready: true } }],
      ports: [{ name: 'webhook', port, protocol: 'TCP' }],
    })),
  ];
}

function bareConfiguration({ port, ca }: ReviewServer): Manifest {
  const url = `https://${nodeAddress}:${port}/`;
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'bare' },
    webhooks: ['nothing', 'patch'].map((path) => ({
      name: `${path}.bench.tagpin.dev`,
      admissionReviewVersions: ['v1'],
      clientConfig: { url: `${url}${path}`, caBundle: Buffer.from(ca).toString('base64') },
      failurePolicy: 'Fail',
      sideEffects: 'None',
      namespaceSelector: { matchLabels: { [BARE_LABEL]: path } },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    })),
  };
}
