import { targetsOf } from '../demo/webhook-configuration.ts';
import { applyResponse, objectReview } from '../test/support/admission.ts';
import { type KubernetesObject, kubernetesObject } from '../test/support/api-server/objects.ts';
import { image } from '../test/support/registry/image.ts';
import { type Registry, startRegistry } from '../test/support/registry/registry.ts';
import { callWebhook } from '../test/support/webhook-process.ts';
import type { Effort, Figure } from './figure.ts';
import { startLoad } from './load/load.ts';
import { reviewOf } from './reviews.ts';
import { startTagpin, type Tagpin } from './servers/tagpin.ts';
import { NAMESPACE, type Stage, startStage } from './stage.ts';
import { orderOf } from './turns.ts';

const REPLICAS = 50;
const RESCHEDULES = 1_000;
const ROLLOUTS = 100;
/** Milliseconds for which all that are made share one answer of the registry's. */
const FRESH_MS = 2_000;
const EXPECTED = '"patchType":"JSONPatch"';

/** What registries are asked for: counted by a registry with tokens. */
export async function measureRequests(_effort: Effort): Promise<Figure[]> {
  await using stage = await startStage();
  await using registry = await startRegistry({
    name: 'localhost',
    auth: { scheme: 'bearer' },
    public: ['*'],
  });
  await using load = startLoad();
  await using server = await startTagpin(stage);
  registry.push('shop/web', '1.27', image());
  registry.push('shop/base', '3', image());

  const made = await rollOut(stage, server, '6d4cf56db6', `${registry.host}/shop/web:1.27`);
  const replicaSet = { hash: '6d4cf56db6', uid: made.metadata.uid ?? '' };
  const review = reviewOf({ images: [`${registry.host}/shop/web:1.27`], replicaSet });
  const order = orderOf({ server, review, expected: EXPECTED });
  await load.send({ ...order, until: { requests: REPLICAS } });
  const rollout = asked(registry);
  await load.send({ ...order, until: { requests: RESCHEDULES } });
  const reschedules = asked(registry);

  const started = performance.now();
  await Promise.all(
    Array.from({ length: ROLLOUTS }, (_, number) =>
      rollOut(stage, server, `hash${number}`, `${registry.host}/shop/base:3`),
    ),
  );
  const took = performance.now() - started;
  const rollouts = asked(registry);
  return [
    figure(`a rollout of ${REPLICAS} replicas`, rollout, 1),
    figure(`${RESCHEDULES} reschedules`, reschedules, 0),
    figure(`${ROLLOUTS} rollouts of one image at once`, rollouts, Math.ceil(took / FRESH_MS), {
      'took ms': took,
    }),
  ];
}

/** Requests that the registry answered, by what they were for. */
interface Asked {
  readonly digests: number;
  readonly tokens: number;
  /** Refused, but with the word where tokens come from: once for a registry. */
  readonly challenges: number;
}

const figure = (name: string, { digests, ...others }: Asked, atMost: number, more = {}): Figure => ({
  subject: 'requests',
  name,
  value: digests,
  unit: 'requests',
  target: { atMost },
  detail: { ...others, ...more },
});

/** What the registry was asked since this was asked before. */
function asked({ requests }: Registry): Asked {
  const challenges = requests.count(({ status }) => status === 401);
  const tokens = requests.tokens().length;
  const digests = requests.entries.length - challenges - tokens;
  requests.clear();
  return { digests, tokens, challenges };
}

/** A ReplicaSet as its Deployment makes it: admitted first, then stored. */
async function rollOut(
  { api }: Stage,
  server: Tagpin,
  hash: string,
  reference: string,
): Promise<KubernetesObject> {
  const labels = { app: 'web', 'pod-template-hash': hash };
  const sent = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { namespace: NAMESPACE, name: `web-${hash}`, labels },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: reference }] } },
    },
  };
  const [target] = targetsOf(api, NAMESPACE, 'replicasets');
  if (target === undefined) throw new Error('no webhook is for ReplicaSets');
  const review = objectReview(sent, { namespace: NAMESPACE });
  const { status, body } = await callWebhook(server, { ...target, review });
  if (status !== 200) throw new Error(`the webhook answered ${status}: ${body}`);
  return api.put(kubernetesObject.parse(applyResponse(sent, JSON.parse(body))));
}
