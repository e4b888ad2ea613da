#!/usr/bin/env node
import { Command } from 'commander';
import { declareAdopt } from './command-line/adopt.ts';
import { declareAudit } from './command-line/audit.ts';
import { declareResolve } from './command-line/resolve.ts';
import { declareServe } from './command-line/serve.ts';
import { openTerminal } from './command-line/terminal.ts';
import type { World } from './command-line/world.ts';
import { exitCode, WrongUse } from './commands/outcome.ts';
import { InvalidConfig, readEnvironment } from './config.ts';
import { InvalidKubeconfig } from './kubernetes/error.ts';

/** Why the process ends when it is asked to; by a shell's custom the exit code is 128 and the signal's number. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly code: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`ended by ${signal}`);
    this.code = signal === 'SIGINT' ? 130 : 143;
  }
}

/** What whoever runs a command has to write differently. */
const wrongUses = [InvalidConfig, InvalidKubeconfig, WrongUse];

const OLDEST_NODE = 24;
const { node } = process.versions;
if (Number.parseInt(node, 10) < OLDEST_NODE) {
  console.error(`tagpin: this is Node.js ${node}; install version ${OLDEST_NODE} or later`);
  process.exit(exitCode.wrongUse);
}

const program = new Command('tagpin')
  .description('Pins image tags to digests as pods are admitted to Kubernetes.')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCode.done : exitCode.wrongUse))
  .showHelpAfterError('Run "tagpin --help" for what there is.');

const world: World = {
  surroundings: (options) => ({
    environment: readEnvironment(process.env),
    terminal: openTerminal(process.stdout, process.stderr),
    async connect() {
      const { connect } = await import('./kubernetes/connection.ts');
      return connect(options);
    },
    interrupted: untilTerminated(),
  }),
  end,
};

for (const declare of [declareServe, declareResolve, declareAdopt, declareAudit]) declare(program, world);

/** Aborts when the process is asked to end. Asked twice, it ends at once. */
function untilTerminated(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitCode.failed);
      controller.abort(new Interrupted(name));
    });
  }
  return controller.signal;
}

/** Ends now: a host name that is still being looked up would hold the process for seconds. */
async function end(code: number): Promise<void> {
  await new Promise((resolve) => process.stdout.write('', resolve));
  process.exit(code);
}

// Whoever reads the output may have had enough: `tagpin resolve … | head -1`.
process.stdout.on('error', () => process.exit(exitCode.failed));

try {
  await program.parseAsync();
} catch (error) {
  console.error(`tagpin: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Interrupted) await end(error.code);
  const isWrongUse = wrongUses.some((kind) => error instanceof kind);
  await end(isWrongUse ? exitCode.wrongUse : exitCode.failed);
}
