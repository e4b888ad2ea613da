import { afterAll, beforeAll, expect, test } from 'vitest';
import { expressions } from '../../../test/monitoring/manifests.ts';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { createNamespace } from '../../support/namespace.ts';
import { type Prometheus, startPrometheus } from '../../support/prometheus.ts';
import { havePods, rolledOut } from '../../support/rollout.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { until } from '../../support/until.ts';
import { deployment } from '../../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const tagpin = tagpinOf(cluster);

let prometheus: Prometheus;
beforeAll(async () => {
  prometheus = await startPrometheus(cluster);
  await until('two replicas to be scraped twice', async () => {
    const [ready] = await prometheus.query('count(count_over_time(tagpin_ready[1m]) > 1) == 2');
    return ready;
  });
});
afterAll(() => prometheus[Symbol.asyncDispose]());

/** What Grafana puts in before Prometheus sees an expression. */
const asSent = (expression: string) => expression.replaceAll('$__rate_interval', '1m');

/** What has no series while all is well: nothing waits, is repeated or refused, and the registry doesn't count pulls. */
const empty = / > 0$|tagpin_registry_(ratelimit|waiting|breaker_open|retries|not_asked)/;

test('Prometheus finds both replicas by the ServiceMonitor', async () => {
  const found = await prometheus.query('up{job="tagpin"} == 1');
  expect(found.map(({ metric }) => metric['pod']).sort()).toEqual(
    (await tagpin.ready()).map(({ name }) => name).sort(),
  );
});

test('each query of the dashboard has an answer once a rollout has been pinned', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  await succeed(namespace.apply(deployment((await images.push()).tagged)));
  await rolledOut(namespace);
  const queries = expressions.filter(({ of, expr }) => of.startsWith('"') && !empty.test(expr));
  expect(queries.length).toBeGreaterThan(30);
  let left: string[] = [];
  await until(
    'an answer for each query',
    async () => {
      const results = await Promise.all(queries.map(({ expr }) => prometheus.query(asSent(expr))));
      left = queries.flatMap(({ of, expr }, index) => (results[index]?.length ? [] : [`${of}: ${expr}`]));
      return left.length === 0 ? true : undefined;
    },
    { seen: () => left.join('\n') },
  );
}, 120_000);

test('an alert rings when a permission is taken away, and not before', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  expect(await prometheus.ringing()).not.toContain('TagpinKubernetesForbidden');
  const giveBack = await tagpin.withoutLeaveFor('replicasets');
  try {
    await succeed(namespace.apply(deployment((await images.push()).tagged)));
    await until('the alert', async () =>
      (await prometheus.ringing()).find((name) => name === 'TagpinKubernetesForbidden'),
    );
  } finally {
    await giveBack();
  }
  await havePods(namespace, 2);
}, 120_000);
