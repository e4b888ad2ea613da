import { existsSync, readFileSync } from 'node:fs';
import { closingLine, readReport } from '../e2e/report.ts';

/** Adds up the results that .ci/run left in .results, prints the sum, and fails if anything failed. */

const codes = readFileSync('.results/codes', 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' '));

const total = { passed: 0, failed: 0, skipped: 0 };
for (const [step, code] of codes) {
  const file = `.results/${step}.json`;
  const succeeded = code === '0';
  const counts = existsSync(file)
    ? readReport(file)
    : { passed: Number(succeeded), failed: Number(!succeeded), skipped: 0 };
  // A step can fail outside its tests, such as in lint.
  const failed = succeeded ? counts.failed : Math.max(counts.failed, 1);
  console.log(`${step}: ${closingLine({ ...counts, failed })}`);
  total.passed += counts.passed;
  total.failed += failed;
  total.skipped += counts.skipped;
}
console.log(closingLine(total));
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
