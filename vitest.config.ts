import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/secrets/setup.ts'],
    // Far longer than any test takes: a machine that does other things takes many times as long.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Files share their worker's modules. Importing them in each file took as long as the tests.
    isolate: false,
    // Processes that tests start from the source find it compiled: half of their time.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/node') },
    // Much of the time is waiting, for servers and for clocks: a core is shared well.
    maxWorkers: '100%',
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: '.results/test.json' }]] : ['default'],
  },
});
