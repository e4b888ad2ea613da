import { each } from '../../console/exit.ts';
import type { Progress } from '../../console/terminal.ts';
import type { PullSpec } from '../../credentials/pod-credentials.ts';
import { type AuditedImage, auditImage, type Judged, type Policy } from '../../fleet/audited-image.ts';
import type { RegistryView } from '../../fleet/content.ts';
import { type Examined, examine, type Image, imageOf, unasked } from '../../fleet/examine.ts';
import { countOf, type Fleet, type Usage } from '../../fleet/fleet.ts';
import { divided, mixedDigests, type RevisionPlace, type UsageImage } from '../../fleet/mixed.ts';
import { InvalidReference } from '../../image/invalid-reference.ts';

/** Gives the view of registries that pods with this pull spec have. */
export type Views = (namespace: string, pull: PullSpec) => RegistryView;

type Known = UsageImage & Judged & { image: Image };

/** The questions about a fleet, and the answers so far. */
export class Judgement {
  readonly #all: Judged[];
  readonly #known: Known[];

  constructor(fleet: Fleet) {
    this.#all = fleet
      .usages()
      .map((usage) => ({ usage, image: imageOf(usage), examined: undefined, mixed: [] }));
    this.#known = this.#all.filter((judged): judged is Known => !(judged.image instanceof InvalidReference));
  }

  /** Answers what the cluster alone can answer. */
  async withoutRegistry(): Promise<void> {
    for (const judged of this.#known) judged.examined = unasked(judged.image);
    for (const place of divided(this.#known)) note(place, await mixedDigests(place, undefined));
  }

  /** The questions to registries: each with all usages that share it. */
  questions(): Known[][] {
    const alike = Map.groupBy(this.#known, ({ usage }) => {
      const { workload, image, written, pulled, platform, pull } = usage;
      return JSON.stringify([workload.namespace, image, written, pulled, platform, pull]);
    });
    return [...alike.values()];
  }

  /** Asks registries, `concurrency` images at a time. If this is stopped, the answers so far are correct but incomplete. */
  async askRegistries(views: Views, concurrency: number, progress: Progress): Promise<void> {
    await each(this.questions(), concurrency, async (alike) => {
      const [first] = alike;
      if (first === undefined) return;
      const { usage, image } = first;
      progress.begin(usage.image);
      const examined = await examine(image, usage.platform, views(usage.workload.namespace, usage.pull));
      for (const judged of alike) judged.examined = examined;
      progress.finish(usage.image);
    });
    await each(divided(this.#known), concurrency, async (place) => {
      const [first] = place.used;
      if (first === undefined) return;
      const { workload, pull } = first.usage;
      // A registry that just failed isn't asked again; then only digests in pods' specs count.
      const isKnown = place.used.every(({ examined }) => examined?.problems.length === 0);
      note(place, await mixedDigests(place, isKnown ? views(workload.namespace, pull) : undefined));
    });
  }

  /** The number of images that no registry was asked about yet, counted by pod, or by template without pods. */
  get open(): number {
    return count(this.#known.filter(({ examined }) => examined === undefined));
  }

  /** What couldn't be found out, with the number of images. */
  problems(): Map<string, number> {
    const problems = new Map<string, number>();
    for (const judged of this.#known) {
      for (const problem of judged.examined?.problems ?? []) {
        problems.set(problem, (problems.get(problem) ?? 0) + count([judged]));
      }
    }
    return problems;
  }

  /** By namespace, workload and container. */
  images(policy: Policy, now: Date): AuditedImage[] {
    return this.#all
      .map((judged) => auditImage({ ...judged, examined: judged.examined ?? notAsked(judged) }, policy, now))
      .sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  }
}

function notAsked({ image }: Judged): Examined | undefined {
  return image instanceof InvalidReference ? undefined : unasked(image);
}

const orderOf = ({ workload, container, image }: AuditedImage) =>
  [workload.namespace, workload.kind, workload.name, container, image].join(' ');

function note(place: RevisionPlace<Known>, digests: Judged['mixed']): void {
  for (const judged of place.used) judged.mixed = digests;
}

const count = (all: readonly { usage: Usage }[]) => all.reduce((sum, { usage }) => sum + countOf(usage), 0);
