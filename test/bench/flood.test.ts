import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { flood } from '../../bench/flood.ts';
import { startStage } from '../../bench/overload-stage.ts';
import { image } from '../support/registry/image.ts';
import { startRegistry } from '../support/registry/registry.ts';

const MIB = 2 ** 20;

test('pods of 1 MiB and 100 containers, more than there is room for, are all pinned in the end; memory stays bounded', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-flood-'));
  await using registry = await startRegistry();
  const images = 100;
  for (let n = 0; n < images; n++) registry.push(`app-${n}`, '1', image());
  try {
    await using stage = await startStage(folder, { webhook: { inFlight: '8Mi' } });
    const pods = { count: 24, containers: 100, bytes: MIB, host: registry.host, from: 0, images };
    const { webhook, ca } = stage;
    const first = { ...pods, count: 1, bytes: 0 };
    await flood(webhook, ca, { pods: first, atOnce: 1, timeout: 10_000 });
    const figures = await flood(webhook, ca, { pods, atOnce: 24, timeout: 10_000 });
    expect(figures).toMatchObject({ allowed: 24, refused: 0, failed: 0 });
    expect(figures.sentBack).toBeGreaterThan(0);
    expect(figures.peak).toBeLessThan(350);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
