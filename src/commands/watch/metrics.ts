import { Gauge, Registry } from 'prom-client';
import type { Audit } from '../../fleet/audit.ts';
import { findingKinds } from '../../fleet/finding.ts';

/**
 * What the cluster runs, as the last audit found it, counted as `tagpin audit` counts. A finding is there at 0, too, so that
 * an alert sees it come.
 */
export class WatchMetrics {
  readonly #registry = new Registry();
  readonly #images = this.#byNamespace(
    'tagpin_watch_images',
    'Images of pods, and of templates without pods.',
  );
  readonly #pinned = this.#byNamespace('tagpin_watch_images_pinned', 'Those of them that are by digest.');
  readonly #drift = this.#byNamespace(
    'tagpin_watch_drift_seconds',
    'The longest time for which the tag of an image has had another digest than runs.',
  );
  readonly #findings = new Gauge({
    name: 'tagpin_watch_images_found',
    help: 'Images with a finding of tagpin audit, such as gone, drift, mixed, latest, unpinned.',
    labelNames: ['namespace', 'finding'] as const,
    registers: [this.#registry],
  });
  readonly #problems = this.#alone('tagpin_watch_problems', 'What the last audit could not find out.');
  readonly #ended = this.#alone('tagpin_watch_last_audit_timestamp_seconds', 'When the last audit ended.');
  readonly #took = this.#alone('tagpin_watch_audit_duration_seconds', 'How long the last audit took.');
  readonly #failed = this.#alone(
    'tagpin_watch_failed',
    '1 if the cluster could not be read since then, else 0.',
  );

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Shows an audit in place of the one before. */
  show({ at, namespaces, images, problems }: Audit, seconds: number): void {
    for (const gauge of [this.#images, this.#pinned, this.#findings, this.#drift]) gauge.reset();
    for (const { name, images: all, pinned, counts, findings } of namespaces) {
      this.#images.set({ namespace: name }, all);
      this.#pinned.set({ namespace: name }, pinned);
      for (const finding of findingKinds) {
        const own = findings.filter(({ kind }) => kind === finding).length;
        this.#findings.set({ namespace: name, finding }, (counts[finding] ?? 0) + own);
      }
    }
    for (const [name, own] of Map.groupBy(images, ({ workload }) => workload.namespace)) {
      const ages = own.flatMap(({ drift }) =>
        drift?.since ? [at.getTime() - drift.since.at.getTime()] : [],
      );
      this.#drift.set({ namespace: name }, Math.max(0, ...ages) / 1000);
    }
    this.#problems.set(problems.length);
    this.#ended.set(at.getTime() / 1000);
    this.#took.set(seconds);
    this.#failed.set(0);
  }

  /** Says that what is shown is old. */
  fail(): void {
    this.#failed.set(1);
  }

  #byNamespace(name: string, help: string) {
    return new Gauge({ name, help, labelNames: ['namespace'] as const, registers: [this.#registry] });
  }

  #alone(name: string, help: string) {
    return new Gauge({ name, help, registers: [this.#registry] });
  }
}
