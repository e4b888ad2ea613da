import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/secrets/setup.ts'],
    testTimeout: 20_000,
    // Much of the time is waiting, for servers and for clocks: a core is shared well.
    maxWorkers: '100%',
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: '.results/test.json' }]] : ['default'],
  },
});
