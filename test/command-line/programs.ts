import { createProgram } from '../../src/command-line/program.ts';
import { exitCode, WrongUse } from '../../src/console/exit.ts';
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

class Left extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`the process would end with ${code}`);
    this.code = code;
  }
}

/** What `tagpin …args` says where no command starts: help, or what is wrong. A process for each would take half a second. */
export async function parsed(args: readonly string[]) {
  const said = { stdout: '', stderr: '' };
  const program = createProgram({
    ...idle,
    leave(code) {
      throw new Left(code);
    },
  });
  for (const command of [program, ...program.commands]) {
    command.configureOutput({
      writeOut: (text) => (said.stdout += text),
      writeErr: (text) => (said.stderr += text),
    });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof Left) return { code: error.code, ...said };
    if (error instanceof WrongUse)
      return { code: exitCode.wrongUse, ...said, stderr: `tagpin: ${error.message}\n` };
    throw error;
  }
  throw new Error('a command ran');
}
