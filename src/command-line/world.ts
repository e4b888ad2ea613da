import type { Command } from 'commander';
import type { ExitCode } from '../commands/outcome.ts';
import type { Surroundings } from '../commands/surroundings.ts';

/** How to reach the API server; without either, as kubectl would. */
export interface ClusterOptions {
  kubeconfig?: string;
  context?: string;
}

/** What the process hands to the commands. */
export interface World {
  surroundings(options: ClusterOptions): Surroundings;
  /** Ends the process once all is written. */
  end(code: ExitCode): Promise<void>;
  /** Ends the process at once, where nothing has been begun. */
  leave(code: ExitCode): never;
}

/** Adds one subcommand: its arguments, its options, its help. What it does is loaded only when it runs. */
export type Declare = (program: Command, world: World) => void;
