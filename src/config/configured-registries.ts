import { combine, readHostsDirectories } from './hosts-directory.ts';
import { problem } from './invalid-config.ts';
import { type RegistryConfig, readRegistry } from './registry-config.ts';
import type { Registries } from './registry-settings.ts';
import { TrackedFiles } from './tracked-files.ts';

/** The kubelet takes up to a minute to update mounted Secrets and ConfigMaps, so more frequent checks gain nothing. */
const CHECK_MS = 5_000;

/** The part of the configuration that is about registries. */
export interface RegistriesConfig {
  readonly registries: Readonly<Record<string, RegistryConfig>>;
  readonly certsDirectory?: string | undefined;
}

/** Thrown when files that the configuration names have mistakes. Lists all of them, each with its key. */
export class UnusableRegistries extends Error {
  override readonly name = 'UnusableRegistries';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

/** Called when changed files are unusable; their last usable content stays in effect. */
export type OnUnusable = (error: UnusableRegistries) => void;

/**
 * The settings of registries, kept up to date with the files that the configuration names: containerd reads
 * `hosts.toml` at each pull, and mounted certificates are renewed in place.
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

  /** The settings now, or a few seconds ago; the same object until they change. */
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
  const folder = certsDirectory === undefined ? undefined : readHostsDirectories(certsDirectory, files);
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
