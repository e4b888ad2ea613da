import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecord, recordVariable } from './record.ts';
import { findLeaks } from './search.ts';

const MOST_SHOWN = 10;

/**
 * vitest's global setup: at the end of a run, searches everything that tagpin printed in all tests for every secret that
 * they gave it. A single find fails the run.
 */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-record-'));
  process.env[recordVariable] = folder;
  return () => {
    const recorded = readRecord(folder);
    rmSync(folder, { recursive: true });
    const leaks = findLeaks(recorded);
    if (leaks.length > 0) {
      const shown = leaks
        .slice(0, MOST_SHOWN)
        .map(({ secret, by, excerpt }) => `  ${by} said "${secret}": ${excerpt}`);
      throw new Error(`tagpin has said secrets, ${leaks.length} times:\n${shown.join('\n')}`);
    }
    if (recorded.secrets.length === 0) return;
    const characters = recorded.said.reduce((sum, { text }) => sum + text.length, 0);
    console.log(
      `none of ${recorded.secrets.length} secrets is in the ${Math.ceil(characters / 1024)} KiB of logs, metrics, errors and reports`,
    );
  };
}
