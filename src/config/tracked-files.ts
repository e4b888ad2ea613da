import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { versionOf } from '../file-version.ts';

/** Reads files and folders, and knows whether any of them has changed since. */
export class TrackedFiles {
  /** By path, the version just before it was read; missing files have one too. */
  readonly #versions = new Map<string, string>();

  /** @throws what `readFileSync` throws */
  read(file: string): string {
    this.#track(file);
    return readFileSync(file, 'utf8');
  }

  /**
   * The names in a folder, sorted.
   *
   * @throws what `readdirSync` throws
   */
  list(folder: string): string[] {
    this.#track(folder);
    return readdirSync(folder).sort();
  }

  isFolder(path: string): boolean {
    this.#track(path);
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  }

  /** Whether there is anything at the path. */
  exists(path: string): boolean {
    this.#track(path);
    return existsSync(path);
  }

  get haveChanged(): boolean {
    return [...this.#versions].some(([path, version]) => versionOf(path) !== version);
  }

  #track(path: string): void {
    if (!this.#versions.has(path)) this.#versions.set(path, versionOf(path));
  }
}
