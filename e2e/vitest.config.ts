import { defineConfig } from 'vitest/config';

const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    reporters: ['default', ['json', { outputFile: '.results/e2e.json' }]],
    projects: [
      {
        test: {
          ...timeouts,
          name: 'together',
          include: ['e2e/tests/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      // These change the cluster in ways that would disturb other tests.
      {
        test: {
          ...timeouts,
          name: 'alone',
          include: ['e2e/tests/alone/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
