import { expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { createNamespace, type Mode } from '../../support/namespace.ts';
import { preflightOf, resultsOf } from '../../support/preflight.ts';
import { tagpinOf } from '../../support/tagpin.ts';

const cluster = readCluster();
const tagpin = tagpinOf(cluster);
const preflight = preflightOf(cluster);

test('preflight detects that tagpin is down, although best-effort would ignore that', async () => {
  const modes: Mode[] = ['enforce', 'best-effort'];
  await tagpin.stop();
  try {
    for (const mode of modes) {
      await using namespace = await createNamespace(cluster, mode);
      const { code, report } = await preflight(namespace.name);
      expect({ code, ...resultsOf(report) }).toMatchObject({ code: 1, service: 'problem', call: 'problem' });
    }
  } finally {
    await tagpin.start();
  }
}, 120_000);

test('preflight names the permission that the webhook has lost', async () => {
  await using namespace = await createNamespace(cluster);
  const restore = await tagpin.withoutLeaveFor('replicasets');
  try {
    const { code, report } = await preflight(namespace.name);
    expect(report.checks.find(({ name }) => name === "webhook's permissions")).toMatchObject({
      result: 'problem',
      detail: expect.stringContaining(
        `lacks get replicasets.apps in ${namespace.name}, list replicasets.apps`,
      ),
    });
    expect(code).toBe(1);
  } finally {
    await restore();
  }
});

test('preflight reports that a label has no effect if the webhook configuration lacks its webhook', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const restore = await tagpin.without('enforce.tagpin.dev');
  try {
    const { code, report } = await preflight(namespace.name);
    expect({ code, ...resultsOf(report) }).toMatchObject({
      code: 1,
      'webhook configuration': 'problem',
      call: 'problem',
    });
  } finally {
    await restore();
  }
});
