import { globSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** `npm run fuzz`: the test files with properties, with a hundred times as many random inputs as `npm test`. */
export default defineConfig({
  test: {
    include: globSync('test/**/*.test.ts').filter((file) =>
      readFileSync(file, 'utf8').includes('/support/runs.ts'),
    ),
    env: { FUZZ_RUNS: process.env['FUZZ_RUNS'] ?? '200000' },
    testTimeout: 30 * 60_000,
    reporters: ['verbose'],
  },
});
