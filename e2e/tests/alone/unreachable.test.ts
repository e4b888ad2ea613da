import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readExposition } from '../../../test/monitoring/exposition.ts';
import { alerts } from '../../../test/monitoring/manifests.ts';
import { readPromql, selected } from '../../../test/monitoring/promql.ts';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import { createNamespace, podManifest } from '../../support/namespace.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { until } from '../../support/until.ts';

const cluster = readCluster();
const { kubectl } = installationOf(cluster);
const tagpin = tagpinOf(cluster);
const images = new Images(cluster);
const spec = { schedulerName: 'none' };

const select = (name: string) =>
  succeed(
    kubectl(
      'patch',
      'service',
      'tagpin',
      `--patch=${JSON.stringify({ spec: { selector: { 'app.kubernetes.io/name': name } } })}`,
    ),
  );

/** The API server's current count of the metric that an alert uses. */
async function counted(alert: string): Promise<number> {
  const { samples } = readExposition(await succeed(kubectl('get', '--raw', '/metrics')));
  const { expr = '' } = alerts.find((one) => one.alert === alert) ?? {};
  const [selector] = readPromql(expr).selectors;
  if (selector === undefined) throw new Error(`the alert ${alert} watches nothing`);
  return selected(samples, selector).reduce((sum, { value }) => sum + value, 0);
}

describe('while tagpin is ready and the API server can not call it', () => {
  beforeAll(async () => {
    await select('nobody');
    await until('the Service to lead nowhere', async () => {
      const slices = await succeed(
        kubectl(
          'get',
          'endpointslices',
          '--selector=kubernetes.io/service-name=tagpin',
          '--output=jsonpath={.items[*].endpoints[*].addresses[*]}',
        ),
      );
      return slices === '' || undefined;
    });
  });
  afterAll(() => select('tagpin'));

  test('enforce refuses pods, in a metric that TagpinCallsFailing uses', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    const before = await counted('TagpinCallsFailing');
    const { stderr } = await namespace.apply(podManifest({ image: app.tagged, spec }));
    expect(stderr).toContain('failed calling webhook "enforce.tagpin.dev"');
    expect(await counted('TagpinCallsFailing')).toBeGreaterThan(before);
    expect(await tagpin.metric('tagpin_ready')).toBe(2);
  });

  test('best-effort admits pods unchanged, in a metric that TagpinPassedOver uses', async () => {
    await using namespace = await createNamespace(cluster, 'best-effort');
    const app = await images.push();
    const before = await counted('TagpinPassedOver');
    await succeed(namespace.apply(podManifest({ image: app.tagged, spec })));
    expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.tagged);
    expect(await counted('TagpinPassedOver')).toBeGreaterThan(before);
  });
});
