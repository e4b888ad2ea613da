import type { Figure } from './figures.ts';
import { MARK, numbered } from './stage/load.ts';
import { reviewOf } from './stage/reviews.ts';
import { startStage } from './stage/stage.ts';

const REPLICAS = 50;
const RESCHEDULES = 1_000;
const ROLLOUTS = 100;
/** Milliseconds for which all rollouts share one answer of the registry's. */
const FRESH_MS = 2_000;

/** How many requests a registry with tokens gets. */
export async function measureRequests(): Promise<Figure[]> {
  await using stage = await startStage({ auth: { scheme: 'bearer' }, public: ['*'] });
  const { requests } = stage.registry;
  const server = await stage.tagpin();
  const web = stage.push(2);
  const base = web.replace(MARK, numbered(1));
  const figure = (name: string, atMost: number): Figure => {
    // A challenge is refused, but says where tokens come from: once for a registry.
    const challenges = requests.count(({ status }) => status === 401);
    const tokens = requests.tokens().length;
    const digests = requests.count() - challenges - tokens;
    requests.clear();
    return { name, value: digests, unit: 'requests', target: { atMost }, detail: { tokens, challenges } };
  };

  const revision = await stage.rollOut(server, '6d4cf56db6', [web]);
  const pods = { server, review: reviewOf({ images: [web], revision }) };
  await stage.send(pods, { requests: REPLICAS });
  const rollout = figure(`a rollout of ${REPLICAS} replicas`, 1);
  await stage.send(pods, { requests: RESCHEDULES });
  const reschedules = figure(`${RESCHEDULES} reschedules`, 0);

  const started = performance.now();
  const hashes = Array.from({ length: ROLLOUTS }, (_, number) => `hash${number}`);
  await Promise.all(hashes.map((hash) => stage.rollOut(server, hash, [base])));
  const took = performance.now() - started;
  const rollouts = figure(`${ROLLOUTS} rollouts of one image at once`, Math.ceil(took / FRESH_MS));
  return [rollout, reschedules, { ...rollouts, detail: { ...rollouts.detail, 'took ms': took } }];
}
