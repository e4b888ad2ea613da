import { z } from 'zod';
import type { Cluster } from '../cluster.ts';
import { succeed } from '../command.ts';
import { createCrane } from '../crane.ts';
import { type Detour, openDetour } from '../detour.ts';
import { Images } from '../images.ts';
import { patchPods, rewriting, sidecar, type Turn } from '../injector.ts';
import { installationOf } from '../installation.ts';
import { compose } from '../kustomization.ts';
import { createNamespace, type Manifest, type Mode, type Namespace } from '../namespace.ts';
import { processOf } from '../processes.ts';
import { on } from '../rollout.ts';
import { tagpinOf } from '../tagpin.ts';
import { until } from '../until.ts';
import { daemonSet, deployment, job, replicaSet, statefulSet } from '../workload.ts';

/** Builds of the one image whose tag moves. */
const BUILDS = 5;

const object = z.looseObject({
  metadata: z.looseObject({}),
  spec: z.looseObject({}).optional(),
});

/** A namespace full of rollouts, and all that random operations change around it. */
export interface World extends AsyncDisposable {
  readonly namespace: Namespace;
  /** Runs kubectl in the namespace. A failure is one more thing that happens. */
  kubectl(...args: string[]): Promise<string>;
  /** Applies a workload again, as it was applied first. */
  apply(name: string): Promise<void>;
  /** Puts another build under the tag of all images. */
  moveTag(build: number): Promise<void>;
  /** Replaces an object by itself without its annotations. */
  replace(name: string, change?: Manifest): Promise<void>;
  /** Deletes an object, and waits for a controller to make it again. */
  deleteAndAwait(name: string, ...args: string[]): Promise<void>;
  mode: Mode;
  setMode(mode: Mode): Promise<void>;
  /** Cuts the registry off, or lets it be reached again. */
  toggleRegistry(): Promise<void>;
  /** Starts or ends a webhook that patches the pods. */
  toggleWebhook(kind: 'rewriting' | 'injecting'): Promise<void>;
  /** Kills a replica of tagpin. */
  kill(which: number): Promise<void>;
  toggleGuard(): Promise<void>;
  toggleKeepTag(): Promise<void>;
}

const parallel = { podManagementPolicy: 'Parallel' };
const sleeping = (image: string) => [{ name: 'app', image, command: ['/bin/sleep', 'infinity'] }];

/** Workloads of the same image, on no node. */
function workloads(image: string): Readonly<Record<string, Manifest>> {
  const pod = { schedulerName: 'none' };
  return {
    'deployment/web': deployment(image, { pod }),
    'deployment/api': deployment(image.replace(/^[^/]+/, 'app.internal'), { name: 'api', pod }),
    'statefulset/db': statefulSet(image, { name: 'db', replicas: 2, pod, spec: parallel }),
    'daemonset/each': daemonSet(image, { name: 'each', pod }),
    'replicaset/bare': replicaSet(image, { name: 'bare', pod }),
    'job/work': job(image, {
      name: 'work',
      pod: { ...pod, containers: sleeping(image) },
      spec: { parallelism: 2, completions: 1_000, backoffLimit: 1_000 },
    }),
  };
}

/** @param injection when the webhook that adds a sidecar is called */
export async function createWorld(cluster: Cluster, injection: Turn): Promise<World> {
  const started = new AsyncDisposableStack();
  const namespace = started.use(await createNamespace(cluster, 'enforce'));
  const installation = installationOf(cluster);
  const tagpin = tagpinOf(cluster);
  const { programs, caFile, dockerConfig } = cluster;
  const crane = createCrane({ crane: programs.crane, caFile, dockerConfig });
  const app = await new Images(cluster).push(undefined, 'b0');
  for (let build = 1; build < BUILDS; build++) await new Images(cluster).push(app.repository, `b${build}`);
  const moveTag = async (build: number) => void (await crane('tag', `${app.name}:b${build % BUILDS}`, 'v1'));
  await moveTag(0);
  let detour: Detour | undefined = await openDetour(cluster);
  started.defer(async () => void (await detour?.close()));
  const image = `${cluster.detourRegistry}/${app.repository}:v1`;
  const all = workloads(image);

  const kubectl = async (...args: string[]) => (await namespace.kubectl(args)).stdout.trim();
  const uidOf = (name: string) => kubectl('get', name, '--output=jsonpath={.metadata.uid}');
  const webhooks = new Map<string, AsyncDisposable>();
  started.defer(async () => {
    for (const webhook of webhooks.values()) await webhook[Symbol.asyncDispose]();
  });
  const patches = {
    rewriting: [
      'before tagpin',
      rewriting((text) => text.replace('app.internal/', `${cluster.openRegistry}/`)),
    ],
    injecting: [injection, sidecar(`${cluster.openRegistry}/${app.repository}:v1`)],
  } as const;
  let isGuarded = false;
  let keepsTag = false;
  const world: World = {
    namespace,
    kubectl,
    moveTag,
    mode: 'enforce',
    async apply(name) {
      await namespace.apply(all[name] ?? {});
    },
    async replace(name, change = {}) {
      const text = await kubectl('get', name, '--output=json');
      if (text === '') return;
      const { metadata, spec, ...others } = object.parse(JSON.parse(text));
      const { annotations: _, resourceVersion: __, ...kept } = metadata;
      const replacement = { ...others, metadata: kept, ...(spec && { spec: { ...spec, ...change } }) };
      await namespace.kubectl(['replace', '--filename=-'], JSON.stringify(replacement));
    },
    async deleteAndAwait(name, ...args) {
      const uid = await uidOf(name);
      if (uid === '') return;
      await kubectl('delete', name, ...args);
      const end = Date.now() + 5_000;
      while (Date.now() < end && [uid, ''].includes(await uidOf(name)));
    },
    async setMode(mode) {
      await on(namespace, 'label', '--overwrite', 'namespace', namespace.name, `tagpin.dev/pin=${mode}`);
      world.mode = mode;
    },
    async toggleRegistry() {
      if (detour === undefined) detour = await openDetour(cluster);
      else {
        await detour.close();
        detour = undefined;
      }
    },
    async toggleWebhook(kind) {
      const webhook = webhooks.get(kind);
      if (webhook === undefined) {
        webhooks.set(kind, await patchPods(cluster, namespace, patches[kind][0], patches[kind][1], kind));
      } else {
        webhooks.delete(kind);
        await webhook[Symbol.asyncDispose]();
      }
    },
    async kill(which) {
      const replicas = await tagpin.ready();
      const replica = replicas[which % Math.max(replicas.length, 1)];
      if (replica !== undefined) process.kill(processOf(replica.container), 'SIGKILL');
    },
    async toggleGuard() {
      const guard = ['validatingadmissionpolicybinding', 'tagpin-guard'];
      if (isGuarded) await succeed(installation.kubectl('delete', ...guard));
      else {
        const folder = compose(cluster, { base: installation.folder, components: ['guard'] });
        await succeed(installation.kubectl('apply', '--kustomize', folder));
      }
      isGuarded = !isGuarded;
    },
    async toggleKeepTag() {
      keepsTag = !keepsTag;
      const data = { 'more.yaml': JSON.stringify({ pin: { keepTag: keepsTag } }) };
      const metadata = { name: 'tagpin-config', namespace: 'tagpin-system' };
      const patch = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
      const folder = compose(cluster, { base: installation.folder, patches: [{ patch }] });
      await succeed(installation.kubectl('apply', '--kustomize', folder));
    },
    async [Symbol.asyncDispose]() {
      await started.disposeAsync();
      const guard = 'validatingadmissionpolicybinding/tagpin-guard';
      await installation.kubectl('delete', '--ignore-not-found', guard);
      await installation.restore();
    },
  };
  await succeed(namespace.apply(...Object.values(all)));
  await until('the first pods', async () =>
    (await kubectl('get', 'pods', '-o', 'name')) ? true : undefined,
  );
  return world;
}
