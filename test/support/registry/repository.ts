import { sha256 } from './digest.ts';
import type { Image } from './image.ts';

export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** The content of one repository. Repositories share nothing, except by a mount. */
export class Repository {
  readonly #blobs = new Map<string, Buffer>();
  readonly #manifests = new Map<string, Manifest>();
  readonly #tags = new Map<string, string>();

  get tags(): string[] {
    return [...this.#tags.keys()].sort();
  }

  blob(digest: string): Buffer | undefined {
    return this.#blobs.get(digest);
  }

  addBlob(bytes: Buffer): string {
    const digest = sha256(bytes);
    this.#blobs.set(digest, bytes);
    return digest;
  }

  /** The digest that a tag points to. */
  tagged(tag: string): string | undefined {
    return this.#tags.get(tag);
  }

  manifest(digest: string): Manifest | undefined {
    return this.#manifests.get(digest);
  }

  addManifest(mediaType: string, bytes: Buffer): string {
    const digest = sha256(bytes);
    this.#manifests.set(digest, { digest, mediaType, bytes });
    return digest;
  }

  /** Sets or moves the tag. */
  tag(tag: string, digest: string): void {
    this.#tags.set(tag, digest);
  }

  /** Adds the image with its blobs and children. */
  add(image: Image): string {
    for (const child of image.children) this.add(child);
    for (const blob of image.blobs) this.addBlob(blob);
    return this.addManifest(image.mediaType, image.bytes);
  }

  /** Deletes a tag, but not its manifest; or a digest, with all its tags. False if it didn't exist. */
  delete(reference: string): boolean {
    if (this.#tags.delete(reference)) return true;
    for (const [tag, digest] of this.#tags) if (digest === reference) this.#tags.delete(tag);
    return this.#manifests.delete(reference);
  }
}

/** All repositories of a registry, by name. */
export class Repositories {
  readonly #all = new Map<string, Repository>();

  /** Undefined if nothing was ever pushed there. */
  find(name: string): Repository | undefined {
    return this.#all.get(name);
  }

  /** The repository, created if missing. */
  at(name: string): Repository {
    const found = this.#all.get(name) ?? new Repository();
    this.#all.set(name, found);
    return found;
  }
}
