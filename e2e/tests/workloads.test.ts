import { expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace } from '../support/namespace.ts';
import { until } from '../support/until.ts';

const cluster = readCluster();
const images = new Images(cluster);

const deployment = (image: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'app', image }] },
    },
  },
});

test("a Deployment's two replicas run the same digest, and its template keeps the tag", async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  await succeed(namespace.apply(deployment(app.tagged)));
  await succeed(namespace.kubectl(['rollout', 'status', 'deployment/web', '--timeout=50s']));
  const pods = await namespace.pods('app=web');
  expect(pods.map(({ status }) => status.containerStatuses[0]?.imageID)).toEqual([app.pinned, app.pinned]);
  const template = 'jsonpath={.spec.template.spec.containers[0].image}';
  for (const kind of ['deployment', 'replicaset']) {
    const written = await namespace.kubectl(['get', kind, '--output', template.replace('{.spec', '{..spec')]);
    expect(written.stdout).toContain(app.tagged);
    expect(written.stdout).not.toContain('sha256');
  }
});

test('a Deployment whose pods are refused shows the reason in its conditions', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const { name } = await images.push();
  await succeed(namespace.apply(deployment(`${name}:nope`)));
  const conditions = ['get', 'deployment', 'web', '--output', 'jsonpath={.status.conditions[*].message}'];
  const message = await until('the refusal to be shown', async () => {
    const { stdout } = await namespace.kubectl(conditions);
    return stdout.includes('not found') ? stdout : undefined;
  });
  expect(message).toContain(`container "app": ${name}:nope: not found (404 MANIFEST_UNKNOWN); push the tag`);
});
