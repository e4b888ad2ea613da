import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { podsIn, twoDigests, unpinned } from '../../support/churn/invariants.ts';
import { stepsOf } from '../../support/churn/operations.ts';
import { createWorld } from '../../support/churn/world.ts';
import { readCluster } from '../../support/cluster.ts';
import type { Turn } from '../../support/injector.ts';
import { installationOf } from '../../support/installation.ts';
import { knownRolloutsOf } from '../../support/known-rollouts.ts';

const cluster = readCluster();
const policies = knownRolloutsOf(cluster, installationOf(cluster));

/** `CHURN=1000 SEED=42 npm run e2e -- churn` runs that many operations, and the same ones again. */
const OPERATIONS = Number(process.env['CHURN'] ?? 16);
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
/** Two seconds for each, which some take. */
const TIMEOUT = 120_000 + OPERATIONS * 10_000;

async function churn(injection: Turn): Promise<void> {
  await using world = await createWorld(cluster, injection);
  const { namespace } = world;
  let known = new Set<string>();
  const seen: Record<string, number> = {};
  for (const [index, { name, n, run }] of stepsOf(SEED, OPERATIONS).entries()) {
    const before = world.mode;
    await run(world);
    seen[name] = (seen[name] ?? 0) + 1;
    const at = `SEED=${SEED} step ${index}: ${name} (${n})`;
    const pods = await podsIn(namespace);
    expect(twoDigests(namespace.name, pods), at).toEqual([]);
    // Pods of another mode stay as they are.
    const created = pods.filter(({ metadata }) => !known.has(metadata.uid));
    if (before === 'enforce' && world.mode === 'enforce') expect(unpinned(created), at).toEqual([]);
    known = new Set(pods.map(({ metadata }) => metadata.uid));
  }
  console.table(seen);
}

test(
  `after each of ${OPERATIONS} random operations no revision has two digests, and enforce no unpinned pod (SEED=${SEED})`,
  () => churn('after tagpin'),
  TIMEOUT,
);

describe('with known-rollouts', () => {
  beforeAll(() => policies.install(), 60_000);
  afterAll(() => policies.rest(), 60_000);

  // A webhook that is called after tagpin may add a tag to a pod that the API server has pinned, and tagpin isn't called then.
  test(`the same (SEED=${SEED})`, () => churn('before tagpin'), TIMEOUT);
});
