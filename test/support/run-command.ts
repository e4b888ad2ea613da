import { readEnvironment } from '../../src/config/environment.ts';
import type { CommandContext } from '../../src/console/runtime.ts';
import { noProgress } from '../../src/console/terminal.ts';
import { connect } from '../../src/kubernetes/connection.ts';
import { said } from './secrets/record.ts';

/** The result of a command. */
export interface CommandRun<Code extends number> {
  readonly code: Code;
  /** What it printed to standard output, and to standard error. */
  readonly out: string;
  readonly err: string;
}

/**
 * Runs a command in this process, with an empty environment, against the cluster of this kubeconfig.
 *
 * @param name its name in the record of output that is searched for secrets
 */
export async function runCommand<Code extends number>(
  name: string,
  kubeconfig: string,
  command: (context: CommandContext) => Promise<Code>,
): Promise<CommandRun<Code>> {
  let [out, err] = ['', ''];
  const code = await command({
    environment: readEnvironment({}),
    terminal: {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      progress: () => noProgress,
    },
    connect: async () => connect({ kubeconfig }),
    interrupted: new AbortController().signal,
  });
  said(name, `${out}\n${err}`);
  return { code, out, err };
}
