import { statSync } from 'node:fs';
import { join } from 'node:path';
import { objectReview, podReview } from '../test/support/admission.ts';
import { serviceAccount } from '../test/support/cluster-objects.ts';
import type { Figure } from './figures.ts';
import { run } from './run.ts';
import { TIMEOUT_MS, watch } from './stage/flood.ts';
import { MARK, numbered } from './stage/load.ts';
import { cpuOf, residentOf } from './stage/process.ts';
import { NAMESPACE, podOf, reviewOf } from './stage/reviews.ts';
import { type Stage, startStage, type Tagpin } from './stage/stage.ts';
import { CONTAINER_HEAP } from './stage/tagpin.ts';
import { Thread } from './stage/thread.ts';
import { type Attack, attacks } from './tenants/attacks.ts';
import type { Created, Creates } from './tenants/creates-thread.ts';

const ATTACKER = 'attacker';
const USER = { name: NAMESPACE, password: 'password of the other tenant', pull: ['*'] };

async function measure(attack: Attack, milliseconds: number): Promise<Figure> {
  await using stage = await startStage(attack.isPrivate ? { auth: { scheme: 'basic' }, users: [USER] } : {});
  stage.addNamespace(NAMESPACE, { ...USER, registry: stage.registry.host, username: USER.name });
  stage.addNamespace(ATTACKER);
  const log = join(stage.folder, 'log');
  const tagpin = await stage.tagpin({ nodeOptions: [CONTAINER_HEAP], log });
  // Twenty a second.
  const [every, count] = [50, milliseconds / 50];
  const reviews = await reviewsOfOther(stage, tagpin, 3 * count);
  stage.registry.fault = attack.fault;

  await using other = new Thread<Creates, Created>('../tenants/creates-thread.ts');
  await using attacker = new Thread<Creates, Created>('../tenants/creates-thread.ts');
  const { port, ca, servername } = tagpin;
  const common = { server: { port, ca, servername }, milliseconds };
  const create = (from: number) =>
    other.call({ ...common, reviews, from, count, atOnce: count, every, patience: TIMEOUT_MS });
  const reviewsOfAttacker = reviewsOf(attack, stage.registry.host, tagpin);
  const unbounded = { reviews: reviewsOfAttacker, from: 0, count: 100_000, every: 0, patience: milliseconds };

  await create(0);
  const alone = await create(count);
  const before = { log: statSync(log).size, cpu: cpuOf(tagpin.pid), time: performance.now() };
  const both = [
    create(2 * count),
    attacker.call({ ...common, ...unbounded, atOnce: attack.atOnce }),
  ] as const;
  const [[beside, attacked], { slowestHealth }] = await watch(tagpin, Promise.all(both));
  const took = performance.now() - before.time;
  const { most } = residentOf(tagpin.pid);
  const broken = [
    alone.refused + beside.refused > 0,
    beside.p99 > Math.max(500, 2 * alone.p99),
    most > 512,
    // The kubelet waits as long.
    slowestHealth > 5_000,
  ];
  const detail = {
    refused: beside.refused,
    of: count,
    'p99 ms': beside.p99,
    undisturbed: alone.p99,
    'most MiB': most,
    'slowest health ms': slowestHealth,
    'log KB/s': (statSync(log).size - before.log) / took,
    attacks: attacked.allowed + attacked.refused,
    'cores of tagpin': (cpuOf(tagpin.pid) - before.cpu) / took,
  };
  const value = broken.filter(Boolean).length;
  return { name: attack.name, value, unit: 'bounds broken', target: { atMost: 0 }, detail };
}

/**
 * What the other tenant creates: pods of a new image with a new ServiceAccount each, for which the registry and the API
 * server are asked, in turn with pods of a ReplicaSet that stores its digests.
 */
async function reviewsOfOther(stage: Stage, tagpin: Tagpin, count: number): Promise<Creates['reviews']> {
  const image = stage.push(count);
  for (const number of Array(count).keys())
    stage.api.put(serviceAccount(NAMESPACE, `web-${numbered(number)}`, 'login'));
  const { metadata, spec } = podOf({ images: [image] });
  const asking = podReview({ metadata, spec: { ...spec, serviceAccountName: `web-${MARK}` } });
  const images = [image.replace(MARK, numbered(0))];
  const stored = reviewOf({ images, revision: await stage.rollOut(tagpin, '6d4cf56db6', images) });
  return [JSON.stringify(asking), stored].map((body) => ({ path: tagpin.path, body }));
}

/** An attack's pod, and a Deployment of such pods in a namespace whose mode is audit. No quota holds for dry runs. */
function reviewsOf(
  { images, spec, metadata = {} }: Attack,
  host: string,
  tagpin: Tagpin,
): Creates['reviews'] {
  const options = { namespace: ATTACKER, dryRun: true, username: 'tenant' };
  const containers = images(host).map((image, index) => ({ name: `c-${index}`, image }));
  const pod = { metadata, spec: { containers, ...spec } };
  const labels = { app: 'attack' };
  const template = { ...pod, metadata: { ...metadata, labels: { ...metadata.labels, ...labels } } };
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'attack' } };
  const deployment = { ...object, spec: { selector: { matchLabels: labels }, template } };
  return [
    { path: tagpin.path, body: JSON.stringify(podReview(pod, options)) },
    { path: '/workload/audit?timeout=5s', body: JSON.stringify(objectReview(deployment, options)) },
  ];
}

await run<'seconds'>({
  name: 'bench-tenants',
  usage: `npm run bench:tenants -- [--seconds 10] [--only ATTACK] [--quick]

One tenant attacks for so long while another creates pods, at a process with the heap that Node.js takes in 512 MiB.
Exits with 1 if a create of the other is refused, if its p99 is above 500 ms and twice the undisturbed one, if the process
takes more than 512 MiB or 5 s to tell its health. Figures go to .results/bench-tenants.json as well.`,
  counts: { seconds: 10 },
  quick: { seconds: 1 },
  parts: Object.fromEntries(
    attacks.map((attack) => [attack.name, async ({ seconds }) => [await measure(attack, seconds * 1000)]]),
  ),
  strict: true,
});
