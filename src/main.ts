#!/usr/bin/env node
import { Command } from 'commander';
import { serve } from './commands/serve.ts';
import { InvalidConfig, loadConfig, readEnvironment } from './config.ts';
import { connect } from './kubernetes/connection.ts';
import { createLogger } from './telemetry/log.ts';

const WRONG_USE = 2;
const FAILED = 3;

const program = new Command('tagpin')
  .description('Pins image tags to digests as pods are admitted to Kubernetes.')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : WRONG_USE))
  .showHelpAfterError('Run "tagpin --help" for what there is.');

program
  .command('serve')
  .description('serve the admission webhook')
  .option('--config <file>', 'the configuration, in YAML; without it everything has its default')
  .option('--kubeconfig <file>', "how to reach the API server; in a pod, its ServiceAccount's way")
  .action(async (options: { config?: string; kubeconfig?: string }) => {
    const config = loadConfig(options.config);
    const log = createLogger(config.log.level);
    const connection = connect(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig });
    await serve(config, readEnvironment(process.env), connection, log, untilTerminated());
  });

/** Aborts when the process is asked to end. Asked twice, it ends at once. */
function untilTerminated(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(FAILED);
      controller.abort(new Error(`received ${name}`));
    });
  }
  return controller.signal;
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(`tagpin: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = error instanceof InvalidConfig ? WRONG_USE : FAILED;
}
