import { combine, readHostsDirectory } from './hosts-directory.ts';
import { problem } from './invalid-config.ts';
import { type RegistryConfig, readRegistry } from './registry-config.ts';
import type { Registries } from './registry-settings.ts';
import { TrackedFiles } from './tracked-files.ts';

/** Mounted Secrets and ConfigMaps take the kubelet a minute to update: looking more often than this gains nothing. */
const CHECK_MS = 5_000;

/** What of the configuration is about registries. */
export interface RegistriesConfig {
  readonly registries: Readonly<Record<string, RegistryConfig>>;
  readonly certsDirectory?: string | undefined;
}

/** Thrown, or told, when files that the configuration names have mistakes: all of them, each with its place. */
export class UnusableRegistries extends Error {
  override readonly name = 'UnusableRegistries';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

/** Called when files have changed into something unusable: what they said before still counts. */
export type OnUnusable = (error: UnusableRegistries) => void;

/**
 * What the configuration says of registries, as the files that it names have it now: containerd reads its `hosts.toml`
 * at each pull, and certificates are renewed where they are mounted.
 */
export class ConfiguredRegistries {
  readonly #config: RegistriesConfig;
  readonly #onUnusable: OnUnusable;
  #current: Registries;
  #files = new TrackedFiles();
  #nextCheck = performance.now() + CHECK_MS;

  /** @throws UnusableRegistries */
  constructor(config: RegistriesConfig, onUnusable: OnUnusable = () => undefined) {
    this.#config = config;
    this.#onUnusable = onUnusable;
    this.#current = read(config, this.#files);
  }

  /** What they say now, or said a few seconds ago; the same object for as long as nothing has changed. */
  get current(): Registries {
    if (performance.now() >= this.#nextCheck) {
      this.#nextCheck = performance.now() + CHECK_MS;
      if (this.#files.haveChanged) this.#readAgain();
    }
    return this.#current;
  }

  #readAgain(): void {
    this.#files = new TrackedFiles();
    try {
      this.#current = read(this.#config, this.#files);
    } catch (error) {
      if (!(error instanceof UnusableRegistries)) throw error;
      this.#onUnusable(error);
    }
  }
}

/** @throws UnusableRegistries */
function read({ registries, certsDirectory }: RegistriesConfig, files: TrackedFiles): Registries {
  const folder = certsDirectory === undefined ? undefined : readHostsDirectory(certsDirectory, files);
  const problems = [...(folder?.problems ?? [])];
  const own = Object.entries(registries).map(([host, config]) => {
    const { settings, problems: wrong } = readRegistry(config, files);
    problems.push(
      ...wrong.map(({ key, message }) => problem(['registries', host, key], config[key], message)),
    );
    return [host, settings] as const;
  });
  if (problems.length > 0) throw new UnusableRegistries(problems);
  return combine(folder?.directory, Object.fromEntries(own));
}
