import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { targetsOf } from '../../demo/webhook-configuration.ts';
import { applyResponse, objectReview } from '../../test/support/admission.ts';
import { kubernetesObject } from '../../test/support/api-server/objects.ts';
import { type ApiServer, startSecureApiServer } from '../../test/support/api-server.ts';
import { type Login, namespaceObjects, webhookObjects } from '../../test/support/cluster-objects.ts';
import { image } from '../../test/support/registry/image.ts';
import { type Registry, type RegistryOptions, startRegistry } from '../../test/support/registry/registry.ts';
import { callWebhook } from '../../test/support/webhook-process.ts';
import type { Turn } from '../turns.ts';
import { startFloor } from './floor.ts';
import { MARK, numbered, type Order, type Outcome } from './load.ts';
import { cpuOf, type ReviewServer } from './process.ts';
import { NAMESPACE, OPTED_IN, type Revision, replicaSetOf, requestOf } from './reviews.ts';
import { startTagpin, type TagpinOptions, type TagpinProcess } from './tagpin.ts';
import { Thread } from './thread.ts';

export type Tagpin = ReviewServer & TagpinProcess;

/** A server, and what it is asked. */
export interface Contender {
  readonly server: ReviewServer;
  /** As JSON, with marks where it differs from one review to the next. */
  readonly review: string;
  /** How many different reviews there are; 1 if not given. */
  readonly variants?: number;
}

const answerSchema = z.object({ response: z.object({ patch: z.base64() }) });

/** Starts what a bench needs, all on loopback. The namespace {@link NAMESPACE} has opted in to `enforce`. */
export async function startStage(registry: RegistryOptions = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-bench-'));
  const api = await startSecureApiServer();
  const stage = new Stage(folder, api, await startRegistry({ name: 'localhost', ...registry }));
  for (const object of webhookObjects()) api.put(object);
  stage.addNamespace(NAMESPACE);
  await api.writeKubeconfig(stage.kubeconfig);
  return stage;
}

/**
 * Where a bench happens: a stand-in for the API server, a registry, webhooks as processes of their own, and a thread that
 * sends them reviews. All of it ends with the stage:
 *
 *     await using stage = await startStage();
 *     const server = await stage.tagpin();
 *     const review = reviewOf({ images: [stage.push(100)] });
 *     const outcome = await stage.send({ server, review, variants: 100 }, { milliseconds: 1_000 });
 */
export class Stage implements AsyncDisposable {
  readonly folder: string;
  readonly kubeconfig: string;
  readonly api: ApiServer;
  readonly registry: Registry;
  readonly #started = new AsyncDisposableStack();
  #load: Thread<Order, Outcome> | undefined;

  constructor(folder: string, api: ApiServer, registry: Registry) {
    this.folder = folder;
    this.kubeconfig = join(folder, 'kubeconfig');
    this.api = this.#started.use(api);
    this.registry = this.#started.use(registry);
    const remove = () => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    this.#started.defer(() => {
      process.off('exit', remove);
      remove();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }

  /** Starts the webhook; returns when it is ready. */
  async tagpin(options: TagpinOptions = {}): Promise<Tagpin> {
    const started = await startTagpin(this.folder, this.kubeconfig, options);
    return { ...this.#target(NAMESPACE, 'pods'), ...this.#started.use(started) };
  }

  /** Starts a bare server that answers as this webhook answers this review. */
  async floor(tagpin: Tagpin, review: string): Promise<ReviewServer> {
    const { response } = answerSchema.parse(await call(tagpin, tagpin, JSON.parse(review)));
    return this.#started.use(await startFloor(response.patch));
  }

  /** Pushes so many images. Returns the reference of the first, in which {@link MARK} is the number. */
  push(count = 1): string {
    const pushed = image();
    for (let number = 0; number < count; number++)
      this.registry.push(`shop/web-${numbered(number)}`, '1.27', pushed);
    return `${this.registry.host}/shop/web-${MARK}:1.27`;
  }

  /** Adds a namespace whose pods pull with this login; without one, anonymously. */
  addNamespace(name: string, login?: Login): void {
    for (const object of namespaceObjects(name, OPTED_IN, login)) this.api.put(object);
  }

  /** Creates a ReplicaSet as its Deployment does: the webhook stores the digests of its images with it. */
  async rollOut(tagpin: Tagpin, hash: string, images: readonly string[]): Promise<Revision> {
    const sent = replicaSetOf(hash, images);
    const review = objectReview(sent, { namespace: NAMESPACE });
    const answer = await call(tagpin, this.#target(NAMESPACE, 'replicasets'), review);
    const { metadata } = this.api.put(kubernetesObject.parse(applyResponse(sent, answer)));
    return { hash, uid: metadata.uid ?? '' };
  }

  /** Sends reviews as fast as they are answered; each answer is to hold a patch. */
  async send({ server, review, variants = 1 }: Contender, until: Order['until']): Promise<Outcome> {
    this.#load ??= this.#started.use(new Thread<Order, Outcome>('./load-thread.ts'));
    const { port, ca, servername } = server;
    const request = requestOf(review, server);
    return await this.#load.call({ port, ca, servername, request, variants, until });
  }

  /** The same for {@link takeTurns}. */
  turn(contender: Contender, milliseconds: number): () => Promise<Turn> {
    const images = contender.review.match(/"image":/g)?.length ?? 0;
    return async () => {
      const before = cpuOf(contender.server.pid);
      const outcome = await this.send(contender, { milliseconds });
      const cpu = cpuOf(contender.server.pid) - before;
      const rate = (outcome.answers / outcome.milliseconds) * 1000;
      return {
        'reviews/s': rate,
        'images/s': rate * images,
        // What else the machine does changes this little.
        'µs CPU': (cpu / outcome.answers) * 1000,
        'p50 ms': outcome.p50,
        'p99 ms': outcome.p99,
        'cores of the server': cpu / outcome.milliseconds,
        'of the load generator': outcome.generatorLoad,
      };
    };
  }

  #target(namespace: string, resource: string) {
    const [target] = targetsOf(this.api, namespace, resource);
    if (target === undefined) throw new Error(`no webhook is for ${resource} of namespace ${namespace}`);
    return target;
  }
}

type Target = Pick<ReviewServer, 'ca' | 'servername' | 'path'>;

async function call({ port }: ReviewServer, target: Target, review: unknown): Promise<unknown> {
  const { status, body } = await callWebhook({ port }, { ...target, review });
  if (status !== 200) throw new Error(`the webhook answered ${status}: ${body}`);
  return JSON.parse(body);
}
