import type { World } from '../../src/command-line/process.ts';

/** A world in which no command runs: for tests that look at what is declared. */
export const idle: World = {
  context() {
    throw new Error('no command is to run here');
  },
  async end() {},
  leave(code) {
    throw new Error(`the process would end with ${code}`);
  },
};
