import type { Command } from 'commander';
import type { CommandContext } from '../commands/command-context.ts';
import type { ExitCode } from '../commands/outcome.ts';

/** How to reach the API server; without either, as kubectl would. */
export interface ClusterOptions {
  kubeconfig?: string;
  context?: string;
}

/** What the process hands to the commands. */
export interface World {
  context(options: ClusterOptions): CommandContext;
  /** Ends the process once all is written. */
  end(code: ExitCode): Promise<void>;
  /** Ends the process at once, where nothing has been begun. */
  leave(code: ExitCode): never;
}

/** Adds one subcommand: its arguments, its options, its help. What it does is loaded only when it runs. */
export type Declare = (program: Command, world: World) => void;
