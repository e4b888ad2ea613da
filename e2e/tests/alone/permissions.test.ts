import { expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { createNamespace } from '../../support/namespace.ts';
import { havePods, on } from '../../support/rollout.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { until } from '../../support/until.ts';
import { deployment } from '../../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);

test('a Deployment whose ReplicaSet may not be read names the missing permission, and continues once it is granted', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  const giveBack = await tagpinOf(cluster).withoutLeaveFor('replicasets');
  try {
    await succeed(namespace.apply(deployment(app.tagged)));
    const condition = '{.status.conditions[?(@.type=="ReplicaFailure")].message}';
    const message = await until('the ReplicaSet to say why', async () => {
      const said = await on(
        namespace,
        'get',
        'replicasets',
        `--output=jsonpath={.items[*]${condition.slice(1)}`,
      );
      return said || undefined;
    });
    expect(message).toContain("its revision can't be read: replicasets.apps ");
    expect(message).toContain('cannot get resource "replicasets" in API group "apps"');
    expect(message).toContain("grant tagpin's ServiceAccount that permission");
    expect(await on(namespace, 'get', 'events')).toContain('cannot get resource "replicasets"');
  } finally {
    await giveBack();
  }
  await havePods(namespace, 2);
}, 180_000);
