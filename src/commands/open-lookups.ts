import type { Config } from '../config.ts';
import type { CommandContext } from '../console/runtime.ts';
import { untilAborted } from '../singleflight.ts';
import { openLogin } from './login.ts';
import { createLookups, type Lookups } from './lookup.ts';
import { type PodOptions, readPullCredentials } from './pull-credentials.ts';

/** As who registries are asked: as a pod, if anything is said of one, else as whoever is logged in here. */
export interface AskerOptions extends PodOptions {
  dockerConfig?: string | undefined;
  /** Images that are asked for at once of a registry; else the configuration says. */
  concurrency?: number | undefined;
}

export interface AskParts {
  /** Whether to read what stands behind the digests too. */
  inspect: boolean;
  /** Carries the deadline. */
  signal: AbortSignal;
}

/**
 * Has images looked up as the options say, for as long as `use` takes.
 *
 * @throws WrongUse, CommandFailed, what `use` throws, or the reason of `interrupted`
 */
export async function withLookups<T>(
  config: Config,
  options: AskerOptions,
  { environment, terminal, connect, interrupted }: CommandContext,
  { inspect, signal }: AskParts,
  use: (lookups: Lookups) => Promise<T>,
): Promise<T> {
  const isForPod =
    options.namespace !== undefined ||
    options.serviceAccount !== undefined ||
    options.pullSecret !== undefined;
  // A pod hasn't what this person is logged in with, so only what is named counts beside its secrets.
  const places = isForPod ? [] : environment.dockerConfigs;
  const sources = openLogin(options.dockerConfig ?? config.dockerConfig, places, signal);
  const connection = isForPod ? await connect() : undefined;
  try {
    const pullCredentials =
      connection &&
      (await untilAborted(readPullCredentials(options, connection, terminal, signal), interrupted));
    const { proxies } = environment;
    const { concurrency } = options;
    const parts = { sources, proxies, pullCredentials, concurrency, inspect, signal };
    const lookups = createLookups(config, parts);
    try {
      return await use(lookups);
    } finally {
      await lookups.close();
    }
  } finally {
    // It waits for what is being asked, and nobody wants to know any more.
    connection?.close().catch(() => undefined);
  }
}
