#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander';
import type { AdoptOptions } from './commands/adopt.ts';
import { exitCode, WrongUse } from './commands/outcome.ts';
import type { ResolveOptions } from './commands/resolve.ts';
import type { Surroundings } from './commands/surroundings.ts';
import { InvalidConfig, loadConfig, readEnvironment } from './config.ts';
import { parseDuration } from './duration.ts';
import { InvalidKubeconfig } from './kubernetes/error.ts';

/** The longest that a timer runs: 24 days. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

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

// Each command is loaded when it runs: a digest shouldn't wait for the webhook's parts.
program
  .command('serve')
  .description('serve the admission webhook')
  .option('--config <file>', 'the configuration, in YAML; without it everything has its default')
  .option('--kubeconfig <file>', "how to reach the API server; in a pod, its ServiceAccount's way")
  .action(async (options: { config?: string; kubeconfig?: string }) => {
    const config = loadConfig(options.config);
    const { createLogger } = await import('./telemetry/log.ts');
    const { connect } = await import('./kubernetes/connection.ts');
    const { serve } = await import('./commands/serve.ts');
    const log = createLogger(config.log.level);
    const connection = connect(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig });
    await serve(config, readEnvironment(process.env), connection, log, untilTerminated());
  });

program
  .command('resolve')
  .description('print the digest of each image, one a line')
  .argument('<image...>', 'images as manifests have them: by tag, by digest or both')
  .addOption(
    new Option('-o, --output <format>', 'more than the digest: an array, one object an image').choices([
      'json',
    ]),
  )
  .option('--docker-config <file>', "credentials; without it docker's or Podman's own file")
  .option('-n, --namespace <name>', 'resolve as a pod of this namespace would, by its pull secrets')
  .option('--service-account <name>', "… with this ServiceAccount's; without it default")
  .option('--pull-secret <name>', '… with this one instead, again for each', collect)
  .option('--kubeconfig <file>', 'how to reach the API server for these')
  .option('--context <name>', 'context of the kubeconfig')
  .option('--registry-config <file>', "the webhook's configuration: its registries count here too")
  .addOption(
    new Option('--timeout <duration>', 'for all images together').argParser(timeout).default(30_000, '30s'),
  )
  .addHelpText('after', '\nExit codes: 0 all resolved, 2 wrong use, 3 some could not be resolved.')
  .action(async (images: string[], options: ResolveOptions & ClusterOptions) => {
    const { resolve } = await import('./commands/resolve.ts');
    await end(await resolve(images, options, surroundings(options)));
  });

program
  .command('adopt')
  .description('store with the revisions of a namespace the digests that their pods run now')
  .argument('<namespace>', 'before it opts in: then nothing changes until the next rollout')
  .option('--dry-run', 'only show what would be stored')
  .addOption(
    new Option(
      '--prefer <which>',
      'where pods of a revision run several digests, take that of these',
    ).choices(['newest', 'oldest']),
  )
  .addOption(new Option('-o, --output <format>', 'instead of a table, an object').choices(['json']))
  .option('--docker-config <file>', "credentials beside the pods' pull secrets")
  .option('--kubeconfig <file>', 'how to reach the API server')
  .option('--context <name>', 'context of the kubeconfig')
  .option('--registry-config <file>', "the webhook's configuration: what it skips, and its registries")
  .addOption(new Option('--timeout <duration>', 'for everything').argParser(timeout).default(300_000, '5m'))
  .addHelpText(
    'after',
    '\nExit codes: 0 all is stored, 1 something is not, and the table says why, 2 wrong use, 3 failed.',
  )
  .action(async (namespace: string, options: AdoptOptions & ClusterOptions) => {
    const { adopt } = await import('./commands/adopt.ts');
    await end(await adopt(namespace, options, surroundings(options)));
  });

interface ClusterOptions {
  kubeconfig?: string;
  context?: string;
}

/** What there is around a command. */
function surroundings(options: ClusterOptions): Surroundings {
  return {
    environment: readEnvironment(process.env),
    terminal: {
      out: (text) => void process.stdout.write(text),
      err: (text) => void process.stderr.write(text),
    },
    async connect() {
      const { connect } = await import('./kubernetes/connection.ts');
      return connect(options);
    },
    interrupted: untilTerminated(),
  };
}

function collect(value: string, values: readonly string[] = []): string[] {
  return [...values, value];
}

function timeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined || milliseconds <= 0) {
    throw new InvalidArgumentError('Write a duration above 0, such as 30s or 2m.');
  }
  return Math.min(Math.ceil(milliseconds), LONGEST_TIMEOUT_MS);
}

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
