import { expect, test } from 'vitest';
import { flood } from '../../bench/stage/flood.ts';
import { startStage } from '../../bench/stage/stage.ts';
import { CONTAINER_HEAP } from '../../bench/stage/tagpin.ts';

const MIB = 2 ** 20;

test('more pods of 1 MiB and 100 containers than there is room for are all pinned in the end, in bounded memory', async () => {
  await using stage = await startStage();
  const pods = { pods: 24, atOnce: 24, containers: 100, images: 100, reference: stage.push(100) };
  const options = { fromSource: true, nodeOptions: [CONTAINER_HEAP], webhook: { inFlight: '8Mi' } };
  const webhook = await stage.tagpin(options);
  await flood(webhook, { ...pods, pods: 1, atOnce: 1 });
  const flooded = await flood(webhook, { ...pods, bytes: MIB });
  expect(flooded).toMatchObject({ allowed: 24, refused: 0, failed: 0 });
  expect(flooded.sentBack).toBeGreaterThan(0);
  expect(flooded.peak).toBeLessThan(350);
}, 60_000);
