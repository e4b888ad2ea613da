import { expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { startCreators } from '../../support/creators.ts';
import { Images } from '../../support/images.ts';
import { createNamespace } from '../../support/namespace.ts';
import { tagpinOf } from '../../support/tagpin.ts';

const cluster = readCluster();
const images = new Images(cluster);
const tagpin = tagpinOf(cluster);

test('while tagpin is restarted, every created pod is admitted and pinned', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const creators = startCreators(cluster, namespace, await images.push());
  await tagpin.restart();
  const { created, failures, unpinned, slowest } = await creators.stop();
  console.log(`${created} pods created, the slowest in ${Math.round(slowest)} ms`);
  expect({ failures, unpinned }).toEqual({ failures: [], unpinned: [] });
  expect(created).toBeGreaterThan(1_000);
}, 180_000);
