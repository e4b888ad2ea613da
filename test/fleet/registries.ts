import {
  type ImageManifest,
  type RegistryAnswer,
  type RegistryView,
  readBuilt,
  readManifest,
} from '../../src/fleet/content.ts';
import { type Digest, isDigestOf, parseDigest } from '../../src/image/digest.ts';
import { type Reference, tagOrLatest } from '../../src/image/reference.ts';
import { type Image, image, index } from '../support/registry/image.ts';

/** A registry of one repository, with no HTTP between: what is asked of it is counted. */
export class Repository implements RegistryView {
  readonly #manifests = new Map<string, Image>();
  readonly #tags = new Map<string, Digest>();
  readonly asked: string[] = [];
  /** When set, it answers nothing. */
  problem: string | undefined;

  push(what: Image, tag?: string): Digest {
    for (const child of what.children) this.push(child);
    const digest = parseDigest(what.digest);
    this.#manifests.set(digest, what);
    if (tag !== undefined) this.#tags.set(tag, digest);
    return digest;
  }

  delete(digest: Digest): void {
    this.#manifests.delete(digest);
  }

  async find(reference: Reference): Promise<RegistryAnswer<Digest>> {
    const digest = reference.digest ?? this.#tags.get(tagOrLatest(reference));
    return this.#answer(`find ${reference.digest ?? tagOrLatest(reference)}`, digest, () => digest);
  }

  async manifest(_: Reference, digest: Digest): Promise<RegistryAnswer<ImageManifest>> {
    return this.#answer(`manifest ${digest}`, digest, (found) => readManifest(found.bytes, undefined));
  }

  async built(_: Reference, config: Digest): Promise<Date | undefined> {
    const blobs = [...this.#manifests.values()].flatMap(({ blobs }) => blobs);
    const blob = blobs.find((bytes) => isDigestOf(config, bytes));
    return blob && readBuilt(blob);
  }

  #answer<T>(
    what: string,
    digest: Digest | undefined,
    of: (found: Image) => T | undefined,
  ): RegistryAnswer<T> {
    this.asked.push(what);
    if (this.problem !== undefined) return { problem: this.problem };
    const image = digest === undefined ? undefined : this.#manifests.get(digest);
    const found = image && of(image);
    return found === undefined ? { missing: 'not found' } : { found };
  }
}

export const amd64 = (content?: string) => image(content === undefined ? {} : { content });
export const arm64 = () => image({ platform: { os: 'linux', architecture: 'arm64' } });
export { index };
