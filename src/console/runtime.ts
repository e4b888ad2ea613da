import type { Environment } from '../config/environment.ts';
import type { Connection } from '../kubernetes/connection.ts';
import type { ExitCode } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** What a command gets from the process. */
export interface CommandContext {
  environment: Environment;
  terminal: Terminal;
  /** Connects to the API server. A command that needs none doesn't call it. */
  connect: () => Promise<Connection>;
  /** Aborts when the process is asked to end; its reason is an `Interrupted`. */
  interrupted: AbortSignal;
  /** Runs work that leaves no time for signals. One ends the process at once meanwhile, as if nothing listened for it. */
  whileBusy?<T>(work: () => T): T;
}

/** How to reach the API server; without either, as kubectl would. */
export interface ClusterOptions {
  kubeconfig?: string;
  context?: string;
}

/** The process, as the command line sees it. Tests pass one of their own. */
export interface Runtime {
  context(options: ClusterOptions): CommandContext;
  /** Ends the process once everything is written. */
  end(code: ExitCode): Promise<void>;
  /** Ends the process at once, before a command has started. */
  leave(code: ExitCode): never;
}
