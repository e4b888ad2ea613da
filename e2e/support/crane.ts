import { run, succeed } from './command.ts';

export interface CraneOptions {
  readonly crane: string;
  /** The CA of the registries' certificates. */
  readonly caFile?: string;
  /** A folder with a docker config. */
  readonly dockerConfig?: string;
}

/** Runs crane, and returns what it prints. */
export type Crane = (...args: string[]) => Promise<string>;

export function createCrane({ crane, caFile, dockerConfig }: CraneOptions): Crane {
  const env = {
    ...(caFile === undefined ? {} : { SSL_CERT_FILE: caFile }),
    ...(dockerConfig === undefined ? {} : { DOCKER_CONFIG: dockerConfig }),
  };
  return (...args) => succeed(run([crane, ...args], { env }));
}
