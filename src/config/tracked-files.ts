import { readdirSync, readFileSync, statSync } from 'node:fs';
import { versionOf } from '../file-version.ts';

/** Reads files and folders, and knows afterwards whether what it has been asked for has changed. */
export class TrackedFiles {
  /** By path, what wasn't there included, as it was just before it was looked at. */
  readonly #versions = new Map<string, string>();

  /** @throws what `readFileSync` throws */
  read(file: string): string {
    this.#note(file);
    return readFileSync(file, 'utf8');
  }

  /**
   * The names in a folder, in their order.
   *
   * @throws what `readdirSync` throws
   */
  list(folder: string): string[] {
    this.#note(folder);
    return readdirSync(folder).sort();
  }

  isFolder(path: string): boolean {
    this.#note(path);
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  }

  get haveChanged(): boolean {
    return [...this.#versions].some(([path, version]) => versionOf(path) !== version);
  }

  #note(path: string): void {
    if (!this.#versions.has(path)) this.#versions.set(path, versionOf(path));
  }
}
