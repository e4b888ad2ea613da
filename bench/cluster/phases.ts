import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { step } from '../../e2e/support/step.ts';
import type { Registry } from '../../test/support/registry/registry.ts';
import type { Figure } from '../figure.ts';
import { cpuOf, residentOf } from '../servers/process.ts';
import type { Creator } from './creating.ts';
import { Samples } from './samples.ts';
import type { ClusterStage } from './stage.ts';

const POLL_MS = 3_000;
const LONGEST_MS = 30 * 60_000;

const deploymentsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ generation: z.number() }),
      status: z.object({
        observedGeneration: z.number().default(0),
        updatedReplicas: z.number().default(0),
        readyReplicas: z.number().default(0),
        replicas: z.number().default(0),
      }),
    }),
  ),
});

/** What there is to be seen at one moment. */
interface Look {
  readonly at: number;
  readonly apiServer: Samples;
  readonly tagpin: Samples;
  /** Milliseconds of a core that tagpin's replicas have used together. */
  readonly cpu: number;
}

/** Does one thing after another to a cluster, and sees what each of them asks of whom. */
export class Phases {
  readonly figures: Figure[] = [];
  readonly #stage: ClusterStage;
  readonly #creator: Creator;
  readonly #registry: Registry;
  readonly #pods: number;

  /** @param pods how many are to run at the end of each phase */
  constructor(stage: ClusterStage, creator: Creator, registry: Registry, pods: number) {
    this.#stage = stage;
    this.#creator = creator;
    this.#registry = registry;
    this.#pods = pods;
  }

  /** Does the work, waits until all pods that it leads to have been created and run, and says what that took. */
  async run(name: string, work: () => Promise<void>): Promise<void> {
    this.#registry.requests.clear();
    const before = await this.#look();
    const created = await step(name, async () => {
      await work();
      const end = performance.now() + LONGEST_MS;
      let all: Look | undefined;
      for (;;) {
        const now = await this.#look();
        if (podsCreated(now) - podsCreated(before) >= this.#pods) all ??= now;
        if (all !== undefined && (await this.#isSettled())) return all;
        if (performance.now() > end)
          throw new Error(`${name}: not all pods run after ${LONGEST_MS / 60_000} min`);
        await delay(POLL_MS);
      }
    });
    this.#report(name, before, created, await this.#look());
  }

  async #look(): Promise<Look> {
    const { replicas } = this.#stage;
    const texts = replicas.map(async ({ healthPort }) =>
      (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text(),
    );
    return {
      at: performance.now(),
      apiServer: new Samples(await this.#creator.get('/metrics')),
      tagpin: new Samples(...(await Promise.all(texts))),
      cpu: replicas.reduce((sum, { pid }) => sum + cpuOf(pid), 0),
    };
  }

  async #isSettled(): Promise<boolean> {
    const { items } = deploymentsSchema.parse(
      JSON.parse(await this.#creator.get('/apis/apps/v1/deployments')),
    );
    const ready = items.reduce((sum, { status }) => sum + status.readyReplicas, 0);
    return (
      ready === this.#pods &&
      items.every(
        ({ metadata, status: { observedGeneration, updatedReplicas, replicas } }) =>
          observedGeneration >= metadata.generation && updatedReplicas === replicas,
      )
    );
  }

  #report(name: string, before: Look, created: Look, end: Look): void {
    const grown = (from: 'apiServer' | 'tagpin', metric: string, ...labels: string[]) =>
      end[from].sum(metric, ...labels) - before[from].sum(metric, ...labels);
    const pods = podsCreated(created) - podsCreated(before);
    const seconds = (created.at - before.at) / 1000;
    const reviews = grown('tagpin', 'tagpin_admission_requests_total');
    const asked = (verb: string, resource: string) =>
      grown('apiServer', 'apiserver_request_total', `verb="${verb}"`, `resource="${resource}"`);
    const webhook = 'apiserver_admission_webhook_admission_duration_seconds';
    const mean =
      (grown('apiServer', `${webhook}_sum`, TAGPIN) / grown('apiServer', `${webhook}_count`, TAGPIN)) * 1000;
    const resident = this.#stage.replicas.map(({ pid }) => residentOf(pid));
    const figure = (what: string, value: number, unit: string, detail: Record<string, number> = {}) =>
      this.figures.push({ subject: 'scale', name: `${name}: ${what}`, value, unit, detail });
    figure('pods created a second', pods / seconds, '/s', { pods, seconds });
    figure('reviews', reviews, 'reviews', {
      'of pods': grown('tagpin', 'tagpin_admission_requests_total', 'path="/pin/'),
      'of revisions': grown('tagpin', 'tagpin_admission_requests_total', 'path="/revision"'),
      'of workloads': grown('tagpin', 'tagpin_admission_requests_total', 'path="/workload/'),
      denied: grown('tagpin', 'tagpin_admission_requests_total', 'outcome="denied"'),
      'shed (503)': grown('tagpin', 'tagpin_admission_shed_total'),
    });
    figure('a review, as the API server sees it', mean, 'ms', {
      'ms CPU of tagpin': (end.cpu - before.cpu) / reviews,
    });
    figure('registry requests', this.#registry.requests.entries.length, 'requests', {
      challenges: this.#registry.requests.count(({ status }) => status === 401),
    });
    figure(
      'objects read of the API server',
      asked('GET', 'replicasets') + asked('GET', 'secrets'),
      'requests',
      {
        ReplicaSets: asked('GET', 'replicasets'),
        'lists of ReplicaSets': asked('LIST', 'replicasets'),
        Secrets: asked('GET', 'secrets'),
        ServiceAccounts: asked('GET', 'serviceaccounts'),
        'lists of pods': asked('LIST', 'pods'),
      },
    );
    figure('resident, the larger replica', Math.max(...resident.map(({ now }) => now)), 'MiB', {
      'MiB at most': Math.max(...resident.map(({ most }) => most)),
    });
  }
}

const TAGPIN = 'tagpin.dev"';

const podsCreated = ({ apiServer }: Look) =>
  apiServer.sum('apiserver_request_total', 'verb="POST"', 'resource="pods"', 'subresource=""', 'code="201"');
