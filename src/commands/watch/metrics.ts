import { Gauge, Registry } from 'prom-client';
import type { Audit } from '../../fleet/audit.ts';
import { findingKinds } from '../../fleet/finding.ts';
import { countOf } from '../../fleet/fleet.ts';

const namespace = ['namespace'] as const;

/**
 * What the cluster runs, as the last audit found it. Images are counted as `tagpin audit` counts them. A finding is there at 0,
 * too, so that an alert sees it come.
 */
export class WatchMetrics {
  readonly #registry = new Registry();
  readonly #images = this.#gauge('tagpin_watch_images', 'Images of pods, and of templates without pods.', namespace);
  readonly #pinned = this.#gauge('tagpin_watch_images_pinned', 'Those of them by digest.', namespace);
  readonly #findings = this.#gauge(
    'tagpin_watch_images_found',
    'Those of them with a finding of tagpin audit: gone, drift, mixed, latest, unpinned…',
    ['namespace', 'finding'] as const,
  );
  readonly #drift = this.#gauge(
    'tagpin_watch_drift_seconds',
    'For how long the tag of an image that runs has been another digest, at the longest.',
    namespace,
  );
  readonly #problems = this.#gauge('tagpin_watch_problems', 'What the last audit could not find out.');
  readonly #ended = this.#gauge('tagpin_watch_last_audit_timestamp_seconds', 'When the last audit ended.');
  readonly #took = this.#gauge('tagpin_watch_audit_duration_seconds', 'How long it took.');
  readonly #failed = this.#gauge('tagpin_watch_failed', '1 if the cluster could not be read since then.');

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
    for (const { workload, drift, ...image } of images) {
      if (drift?.since === undefined || countOf(image) === 0) continue;
      const labels = { namespace: workload.namespace };
      this.#longest(labels, (at.getTime() - drift.since.getTime()) / 1000);
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
}
