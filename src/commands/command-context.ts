import type { Environment } from '../config/environment.ts';
import type { Connection } from '../kubernetes/connection.ts';
import type { Terminal } from './outcome.ts';

/** What a command needs of the world. */
export interface CommandContext {
  environment: Environment;
  terminal: Terminal;
  /** Called only if the API server is wanted. */
  connect: () => Promise<Connection>;
  interrupted: AbortSignal;
}
