import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FRESH_MS } from '../../src/webhook/pinning.ts';
import type { Cluster } from './cluster.ts';
import { type Crane, createCrane } from './crane.ts';

/** An image in a registry, under a tag. */
export interface PushedImage {
  readonly repository: string;
  /** Registry and repository. */
  readonly name: string;
  /** Name and tag, as users write it. */
  readonly tagged: string;
  readonly digest: string;
  /** Name and digest, as tagpin should pin it. */
  readonly pinned: string;
}

/** Builds and pushes images of an idle program, each with another digest. */
export class Images {
  readonly #cluster: Cluster;
  readonly #crane: Crane;

  constructor(cluster: Cluster) {
    const { programs, caFile, dockerConfig } = cluster;
    this.#cluster = cluster;
    this.#crane = createCrane({ crane: programs.crane, caFile, dockerConfig });
  }

  /** Pushes a new build under the tag to the public registry, by default to a new repository. */
  push(repository = `app-${randomUUID()}`, tag = 'latest'): Promise<PushedImage> {
    return this.#push(this.#cluster.openRegistry, repository, tag);
  }

  /** Pushes another build under the same tag. Returns when a new revision no longer accepts a digest cached before. */
  async move({ repository, tagged }: PushedImage): Promise<PushedImage> {
    const moved = await this.push(repository, tagged.slice(tagged.lastIndexOf(':') + 1));
    await sleep(FRESH_MS);
    return moved;
  }

  /** Deletes the tag. The image can still be pulled by its digest. */
  async remove({ tagged }: PushedImage): Promise<void> {
    await this.#crane('delete', tagged);
  }

  /** Pushes a new build to the registry that requires the account. */
  pushPrivate(repository = `app-${randomUUID()}`, tag = 'latest'): Promise<PushedImage> {
    return this.#push(this.#cluster.privateRegistry, repository, tag);
  }

  async #push(registry: string, repository: string, tag: string): Promise<PushedImage> {
    const name = `${registry}/${repository}`;
    const tagged = `${name}:${tag}`;
    // Each image has its own config, because containerd reports the first digest that it has seen of equal content.
    const build = ['--label', `build=${randomUUID()}`, '--entrypoint', '/bin/sleep', '--cmd', 'infinity'];
    await this.#crane('mutate', this.#cluster.shellImage, ...build, '--tag', tagged);
    const digest = await this.#crane('digest', tagged);
    return { repository, name, tagged, digest, pinned: `${name}@${digest}` };
  }
}
