#!/usr/bin/env node
import { createProgram } from './command-line/program.ts';
import { readEnvironment } from './config/environment.ts';
import { InvalidConfig } from './config/invalid-config.ts';
import { exitCode, Interrupted, WrongUse } from './console/exit.ts';
import type { CommandContext } from './console/runtime.ts';
import { openTerminal } from './console/terminal.ts';
import { InvalidKubeconfig } from './kubernetes/error.ts';
import { printableLines } from './printable.ts';

/** Errors that the user has to correct in an argument, a file or the environment. */
const wrongUses = [InvalidConfig, InvalidKubeconfig, WrongUse];

const OLDEST_NODE = 24;
const { node } = process.versions;
if (Number.parseInt(node, 10) < OLDEST_NODE) {
  console.error(`tagpin: this is Node.js ${node}; install version ${OLDEST_NODE} or later`);
  process.exit(exitCode.wrongUse);
}

// Go's programs trust these; Node.js by itself doesn't read them.
if (process.env['SSL_CERT_FILE'] || process.env['SSL_CERT_DIR']) {
  const { getCACertificates, setDefaultCACertificates } = await import('node:tls');
  // Node.js has it since 24.5.
  setDefaultCACertificates?.([...getCACertificates('default'), ...getCACertificates('system')]);
}

const program = createProgram({
  context(options) {
    const environment = readEnvironment(process.env);
    return {
      environment,
      terminal: openTerminal(process.stdout, process.stderr, environment.isColoured),
      async connect() {
        const { connect } = await import('./kubernetes/connection.ts');
        return connect({ ...options, environment: environment.cluster });
      },
      ...untilTerminated(),
    };
  },
  end,
  leave: (code) => process.exit(code),
});

/** A signal that aborts when the process is asked to end. Asked again, the process ends at once. */
function untilTerminated(): Pick<CommandContext, 'interrupted' | 'whileBusy'> {
  const controller = new AbortController();
  const onSignal = (name: 'SIGTERM' | 'SIGINT') => {
    if (controller.signal.aborted) process.exit(exitCode.failed);
    controller.abort(new Interrupted(name));
  };
  const listen = () => names.forEach((name) => void process.on(name, onSignal));
  const names = ['SIGTERM', 'SIGINT'] as const;
  listen();
  return {
    interrupted: controller.signal,
    whileBusy(work) {
      for (const name of names) process.off(name, onSignal);
      try {
        return work();
      } finally {
        listen();
      }
    },
  };
}

/** Exits without waiting for open handles: a DNS lookup would hold the process for seconds. */
async function end(code: number): Promise<void> {
  await new Promise((resolve) => process.stdout.write('', resolve));
  process.exit(code);
}

// The reader of the output may close the pipe: `tagpin resolve … | head -1`.
process.stdout.on('error', () => process.exit(exitCode.failed));

try {
  await program.parseAsync();
} catch (error) {
  console.error(printableLines(`tagpin: ${error instanceof Error ? error.message : String(error)}`));
  if (error instanceof Interrupted) await end(error.code);
  const isWrongUse = wrongUses.some((kind) => error instanceof kind);
  await end(isWrongUse ? exitCode.wrongUse : exitCode.failed);
}
