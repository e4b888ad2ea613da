import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { type Result, run, succeed } from './command.ts';
import { until } from './until.ts';

const container = z.object({ name: z.string(), image: z.string(), imagePullPolicy: z.string() });
const containerStatus = z.object({
  name: z.string(),
  imageID: z.string().default(''),
  ready: z.boolean(),
  state: z.object({ running: z.object({}).optional() }).default({}),
});

/** The fields of a stored Pod that these tests use. */
export const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    annotations: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({
    containers: z.array(container),
    initContainers: z.array(container).default([]),
    ephemeralContainers: z.array(container).default([]),
    volumes: z
      .array(
        z.object({
          name: z.string(),
          image: z.object({ reference: z.string(), pullPolicy: z.string() }).optional(),
        }),
      )
      .default([]),
  }),
  status: z.object({
    phase: z.string(),
    containerStatuses: z.array(containerStatus).default([]),
    initContainerStatuses: z.array(containerStatus).default([]),
    ephemeralContainerStatuses: z.array(containerStatus).default([]),
  }),
});
export type Pod = z.infer<typeof podSchema>;

const podList = z.object({ items: z.array(podSchema) });

export type Mode = 'enforce' | 'best-effort' | 'audit';

/** A manifest, which kubectl takes as JSON. */
export type Manifest = Readonly<Record<string, unknown>>;

/** A Kubernetes namespace for one test. */
export interface Namespace extends AsyncDisposable {
  readonly name: string;
  /** Runs kubectl in this namespace. Failures don't throw. */
  kubectl(args: readonly string[], input?: string): Promise<Result>;
  /** Applies manifests. Failures don't throw. */
  apply(...manifests: readonly Manifest[]): Promise<Result>;
  pod(name: string): Promise<Pod>;
  pods(selector?: string): Promise<Pod[]>;
  /** The pod, once all its containers run. */
  running(name: string): Promise<Pod>;
}

/** Creates a namespace, opted in to a mode if one is given. It is deleted when the test ends. */
export async function createNamespace(
  cluster: Cluster,
  mode?: Mode,
  name = `e2e-${randomUUID().slice(0, 8)}`,
): Promise<Namespace> {
  const command = [cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, '--namespace', name];
  const kubectl = (args: readonly string[], input = '') => run([...command, ...args], { input });
  const labels = mode === undefined ? {} : { 'tagpin.dev/pin': mode };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  await succeed(kubectl(['create', '--filename', '-'], JSON.stringify(namespace)));
  // The controller manager creates it; until then, the API server refuses pods.
  await until('the default ServiceAccount', async () =>
    (await kubectl(['get', 'serviceaccount', 'default'])).code === 0 ? true : undefined,
  );
  const read = async (...args: string[]): Promise<unknown> =>
    JSON.parse(await succeed(kubectl(['get', '--output', 'json', ...args])));
  const pod = async (podName: string) => podSchema.parse(await read('pod', podName));
  return {
    name,
    kubectl,
    pod,
    apply: (...manifests) =>
      kubectl(['apply', '--filename', '-'], manifests.map((manifest) => JSON.stringify(manifest)).join('\n')),
    pods: async (selector = '') => podList.parse(await read('pods', '--selector', selector)).items,
    running: (podName) =>
      until(
        `pod ${podName} to run`,
        async () => {
          const { status, ...rest } = await pod(podName);
          const started = status.containerStatuses;
          const runs =
            status.phase === 'Running' && started.every(({ state }) => state.running !== undefined);
          return runs && started.length > 0 ? { status, ...rest } : undefined;
        },
        { seen: async () => (await kubectl(['describe', 'pod', podName])).stdout },
      ),
    [Symbol.asyncDispose]: async () =>
      void (await succeed(kubectl(['delete', 'namespace', name, '--wait=false']))),
  };
}

export interface PodOptions {
  readonly name?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The image of its only container, `app`; `container` has further fields. */
  readonly image: string;
  readonly container?: Manifest;
  readonly spec?: Manifest;
}

/** The manifest of a pod whose containers end at once. */
export function podManifest({ name = 'web', annotations, image, container, spec }: PodOptions): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(annotations && { annotations }) },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'app', image, ...container }],
      ...spec,
    },
  };
}

/** A Secret of a docker config for one registry. */
export function pullSecretManifest(
  name: string,
  registry: string,
  { username, password }: { readonly username: string; readonly password: string },
): Manifest {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [registry]: { auth } } }) },
  };
}
