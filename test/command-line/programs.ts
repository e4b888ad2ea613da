import type { Runtime } from '../../src/console/runtime.ts';

/** A runtime in which no command runs: for tests that look at what is declared. */
export const idle: Runtime = {
  context() {
    throw new Error('no command is to run here');
  },
  async end() {},
  leave(code) {
    throw new Error(`the process would end with ${code}`);
  },
};
