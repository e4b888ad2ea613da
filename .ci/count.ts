import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** Counts what .ci/run has left in .results, prints the sum, and fails if anything did. */

const report = z
  .object({
    numPassedTests: z.number(),
    numFailedTests: z.number(),
    numFailedTestSuites: z.number(),
    numPendingTests: z.number(),
    numTodoTests: z.number(),
  })
  .transform((counts) => ({
    passed: counts.numPassedTests,
    // A file that can't be loaded has no tests that could fail.
    failed: counts.numFailedTests || counts.numFailedTestSuites,
    skipped: counts.numPendingTests + counts.numTodoTests,
  }));

const codes = readFileSync('.results/codes', 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' '));

const total = { passed: 0, failed: 0, skipped: 0 };
for (const [step, code] of codes) {
  const file = `.results/${step}.json`;
  const succeeded = code === '0';
  const counts = existsSync(file)
    ? report.parse(JSON.parse(readFileSync(file, 'utf8')))
    : { passed: Number(succeeded), failed: Number(!succeeded), skipped: 0 };
  if (!succeeded && counts.failed === 0) counts.failed = 1;
  console.log(`${step}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
