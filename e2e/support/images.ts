import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FRESH_MS } from '../../src/webhook/template.ts';
import type { Cluster } from './cluster.ts';
import { type Crane, createCrane } from './crane.ts';

/** An image in a registry, under a tag. */
export interface PushedImage {
  readonly repository: string;
  /** Registry and repository. */
  readonly name: string;
  /** Name and tag: what people write. */
  readonly tagged: string;
  readonly digest: string;
  /** Name and digest: what tagpin is to make of it. */
  readonly pinned: string;
}

/** Builds images of a program that does nothing for ever, each another one, and pushes them. */
export class Images {
  readonly #cluster: Cluster;
  readonly #crane: Crane;

  constructor(cluster: Cluster) {
    const { programs, caFile, dockerConfig } = cluster;
    this.#cluster = cluster;
    this.#crane = createCrane({ crane: programs.crane, caFile, dockerConfig });
  }

  /** A new build under the tag, in the registry for everyone. The repository is a new one if none is given. */
  push(repository = `app-${randomUUID()}`, tag = 'latest'): Promise<PushedImage> {
    return this.#push(this.#cluster.openRegistry, repository, tag);
  }

  /** Another build under the same tag. Returns when no answer from before is fresh enough for a new revision. */
  async move({ repository, tagged }: PushedImage): Promise<PushedImage> {
    const moved = await this.push(repository, tagged.slice(tagged.lastIndexOf(':') + 1));
    await sleep(FRESH_MS);
    return moved;
  }

  /** Takes the tag away. The image stays, and can still be had by its digest. */
  async remove({ tagged }: PushedImage): Promise<void> {
    await this.#crane('delete', tagged);
  }

  /** A new build in the registry that wants the account. */
  pushPrivate(repository = `app-${randomUUID()}`, tag = 'latest'): Promise<PushedImage> {
    return this.#push(this.#cluster.privateRegistry, repository, tag);
  }

  async #push(registry: string, repository: string, tag: string): Promise<PushedImage> {
    const name = `${registry}/${repository}`;
    const tagged = `${name}:${tag}`;
    // A configuration of its own: containerd reports the first digest it has seen of equal content.
    const build = ['--label', `build=${randomUUID()}`, '--entrypoint', '/bin/sleep', '--cmd', 'infinity'];
    await this.#crane('mutate', this.#cluster.shellImage, ...build, '--tag', tagged);
    const digest = await this.#crane('digest', tagged);
    return { repository, name, tagged, digest, pinned: `${name}@${digest}` };
  }
}
