import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { exitCode } from '../console/exit.ts';
import type { Runtime } from '../console/runtime.ts';
import { declareAdopt } from './adopt.ts';
import { declareAudit } from './audit.ts';
import { declareCompletion } from './completion.ts';
import { declareKeep } from './keep.ts';
import { type Declare, refuseEmpty } from './options.ts';
import { declarePin } from './pin.ts';
import { declarePreflight } from './preflight.ts';
import { declareResolve } from './resolve.ts';
import { declareServe } from './serve.ts';
import { declareVersion } from './version.ts';
import { declareWatch } from './watch.ts';

/** The subcommands, in the order that help lists them. */
const declarations: readonly Declare[] = [
  declareServe,
  declareResolve,
  declarePin,
  declareAdopt,
  declareAudit,
  declarePreflight,
  declareKeep,
  declareWatch,
  declareCompletion,
  declareVersion,
];

/** `tagpin` with all subcommands. Their implementations are loaded only when they run. */
export function createProgram(runtime: Runtime): Command {
  const program = new Command('tagpin')
    .description('Pins image tags to digests as pods are admitted to Kubernetes.')
    .version(packageJson.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'tagpin: ')) })
    .helpCommand('help [command]', 'print help for a command')
    .exitOverride((error) => runtime.leave(error.exitCode === 0 ? exitCode.done : exitCode.wrongUse))
    .showHelpAfterError('Run "tagpin --help" for the commands.');
  for (const declare of declarations) declare(program, runtime);
  for (const command of program.commands) {
    command.showHelpAfterError(`Run "tagpin ${command.name()} --help" for its arguments and options.`);
    refuseEmpty(command);
  }
  return program;
}
