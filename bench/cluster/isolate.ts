import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { furnish, isolated, runSession } from '../../e2e/cluster/isolation.ts';
import { prepareBinaries } from '../../e2e/machine/binaries.ts';

const FOLDER = 'TAGPIN_BENCH_FOLDER';

/** Where a process in namespaces of its own keeps its files; empty outside. */
export const isolatedFolder = process.env[FOLDER] ?? '';

/**
 * Runs this program again in namespaces of its own, and does the work there: all that it starts ends with it. Before
 * that, the programs of a cluster are built that aren't there yet.
 */
export async function runIsolated(work: () => Promise<void>): Promise<void> {
  if (isolatedFolder !== '') {
    // The first process of its namespaces ends with the one outside, and everything else with it.
    process.stdin.resume().on('end', () => process.exit(1));
    await furnish(isolatedFolder, []);
    return await work();
  }
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort());
  await prepareBinaries(interruption.signal);
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-bench-'));
  try {
    const command = isolated([process.execPath, ...process.argv.slice(1)]);
    process.exitCode = await runSession(command, interruption.signal, { [FOLDER]: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
