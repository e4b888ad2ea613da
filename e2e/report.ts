import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** The number of tests by outcome. */
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

/** Counts the tests in the report of vitest's JSON reporter. */
export function readReport(file: string): Counts {
  const counts = report.parse(JSON.parse(readFileSync(file, 'utf8')));
  return {
    passed: counts.numPassedTests,
    // A file that fails to load has no tests, but counts as a failure.
    failed: counts.numFailedTests || counts.numFailedTestSuites,
    skipped: counts.numPendingTests + counts.numTodoTests,
  };
}

/** The last line of a run. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
