import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { run, succeed } from '../../e2e/support/command.ts';
import { namespaceObjects } from '../../test/support/cluster-objects.ts';
import { image } from '../../test/support/registry/image.ts';
import type { Registry } from '../../test/support/registry/registry.ts';
import { numbered } from '../stage/load.ts';
import { forEach } from '../stage/process.ts';
import { OPTED_IN, podOf, replicaSetOf } from '../stage/reviews.ts';
import type { Contender } from './contenders.ts';
import { Samples } from './samples.ts';
import type { ClusterStage } from './stage.ts';

/** How many ReplicaSets of a namespace want pods, and how many there are. */
export const LIVE = [1, 10, 50, 200] as const;
const ALL = 1_000;

const TAKES_PART = { 'tagpin.dev/known-rollouts': 'true' };
const component = join(import.meta.dirname, '../../manifests/components/known-rollouts');
const object = z.looseObject({});
const created = z.object({ metadata: z.object({ uid: z.string() }) });

/** Namespaces whose pods the policies of the component known-rollouts pin, by how many live ReplicaSets are there. */
export async function prepareKnown(
  stage: ClusterStage,
  registry: Registry,
): Promise<Record<string, Contender>> {
  const digest = registry.push('shop/known', '1.27', image());
  const written = `${registry.host}/shop/known:1.27`;
  const contenders: Record<string, Contender> = {};
  for (const live of LIVE) {
    const namespace = `known-${live}`;
    // Opted in afterwards, so that no webhook is called for the ReplicaSets.
    await stage.apply(namespaceObjects(namespace, {}));
    const uid = await rollOut(stage, namespace, { written, digest, live });
    await stage.apply(namespaceObjects(namespace, { ...OPTED_IN, ...TAKES_PART }));
    const pod = podOf({ images: [written], namespace, revision: { hash: numbered(0), uid } });
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...pod });
    contenders[`known ${live}`] = {
      path: `/api/v1/namespaces/${namespace}/pods`,
      next: () => body,
      expected: `@${digest}`,
    };
  }
  await stage.apply(await policies(stage));
  const [first] = Object.values(contenders);
  if (first !== undefined) await untilAtWork(stage, first);
  return contenders;
}

interface Rollouts {
  readonly written: string;
  readonly digest: string;
  readonly live: number;
}

/** As Deployments make them, with stored digests; the uid of the first. */
async function rollOut({ api }: ClusterStage, namespace: string, { written, digest, live }: Rollouts) {
  const uids: string[] = [];
  await forEach(
    Array.from({ length: ALL }, (_, number) => number),
    16,
    async (number) => {
      const hash = numbered(number);
      const { metadata, spec, ...kind } = replicaSetOf(hash, [written], namespace);
      const isLive = number < live;
      const labels = { ...metadata.labels, ...(isLive && { 'tagpin.dev/live': 'true' }) };
      const annotations = { [`pins.tagpin.dev/${hash}.mwup954p`]: JSON.stringify({ [written]: digest }) };
      const body = {
        ...kind,
        metadata: { ...metadata, labels, annotations },
        spec: { ...spec, replicas: isLive ? 1 : 0 },
      };
      const answer = await api.create(
        `/apis/apps/v1/namespaces/${namespace}/replicasets`,
        JSON.stringify(body),
      );
      uids[number] = created.parse(JSON.parse(answer)).metadata.uid;
    },
  );
  return uids[0] ?? '';
}

/** The component, for namespaces with a label of their own: the other contenders' are to stay out. */
async function policies({ folder, binaries }: ClusterStage) {
  const own = join(folder, 'known');
  mkdirSync(own);
  const selector = [
    { op: 'replace', path: '/spec/matchResources/namespaceSelector', value: { matchLabels: TAKES_PART } },
  ];
  const kustomization = {
    components: [relative(own, component)],
    patches: [{ target: { kind: 'MutatingAdmissionPolicyBinding' }, patch: JSON.stringify(selector) }],
  };
  writeFileSync(join(own, 'kustomization.yaml'), JSON.stringify(kustomization));
  const rendered = await succeed(run([binaries.kubectl, 'kustomize', own]));
  return parseAllDocuments(rendered).map((document) => object.parse(document.toJS()));
}

/** The API server takes its policies up a moment later. */
async function untilAtWork({ api }: ClusterStage, { path, next }: Contender): Promise<void> {
  for (;;) {
    await api.create(`${path}?dryRun=All`, next());
    const samples = new Samples(await api.get('/metrics'));
    if (
      samples.sum('apiserver_mutating_admission_policy_check_total', 'policy="tagpin-known-replicasets"') > 0
    )
      return;
    await sleep(200);
  }
}
