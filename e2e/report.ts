import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** How many tests ended how. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numFailedTestSuites: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
});

/** Counts what vitest's JSON reporter has written. */
export function readReport(file: string): Counts {
  const counts = report.parse(JSON.parse(readFileSync(file, 'utf8')));
  return {
    passed: counts.numPassedTests,
    // A file that can't be loaded has no tests that could fail.
    failed: counts.numFailedTests || counts.numFailedTestSuites,
    skipped: counts.numPendingTests + counts.numTodoTests,
  };
}

/** The line that a run closes with. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
