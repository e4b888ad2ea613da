import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FRESH_MS } from '../../src/webhook/pinning.ts';
import type { Cluster } from './cluster.ts';
import { createCrane } from './crane.ts';

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

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
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

  /** A new build in the registry that wants the account. */
  pushPrivate(repository = `app-${randomUUID()}`, tag = 'latest'): Promise<PushedImage> {
    return this.#push(this.#cluster.privateRegistry, repository, tag);
  }

  async #push(registry: string, repository: string, tag: string): Promise<PushedImage> {
    const name = `${registry}/${repository}`;
    const { programs, caFile, dockerConfig, shellImage } = this.#cluster;
    const crane = createCrane({ crane: programs.crane, caFile, dockerConfig });
    const tagged = `${name}:${tag}`;
    // A configuration of its own: containerd reports the first digest it has seen of equal content.
    const build = ['--label', `build=${randomUUID()}`, '--entrypoint', '/bin/sleep', '--cmd', 'infinity'];
    await crane('mutate', shellImage, ...build, '--tag', tagged);
    const digest = await crane('digest', tagged);
    return { repository, name, tagged, digest, pinned: `${name}@${digest}` };
  }
}
