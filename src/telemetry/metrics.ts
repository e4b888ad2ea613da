import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { PullQuota } from './pull-quota.ts';
import { type Readings, showReadings } from './readings.ts';
import { HostLabels, ResolveMetrics } from './resolve-metrics.ts';

/** A request to a registry or token server; status 0 is no answer. */
export interface RegistryRequestEvent {
  host: string;
  method: string;
  status: number;
  milliseconds: number;
  headers?: Readonly<Record<string, string | string[] | undefined>>;
}

/** A kind of request to the API server. */
export interface KubernetesRequestKind {
  resource: string;
  method: string;
}

/** A request to the API server; status 0 is no answer. */
export interface KubernetesRequestEvent extends KubernetesRequestKind {
  status: number;
  milliseconds: number;
}

/** The statuses of failed requests that alerts watch, as far as servers commonly send them; 0 is no answer. */
const kubernetesTrouble = ['0', '403', '404', '429', '500', '503', '504'];
const registryTrouble = ['0', '429', '500', '502', '503', '504'];

/**
 * tagpin's metrics; `text()` is the response to a scrape.
 *
 * Prometheus sees an increase only from a value that it has scraped before. So every series that an alert watches is
 * created at 0; otherwise the first event, which may be the only one, would raise no alert.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #labels = new HostLabels((registry) => this.#expectRegistry(registry));

  readonly admissions = new Counter({
    name: 'tagpin_admission_requests_total',
    help: 'Admission requests answered, by path, operation and outcome.',
    labelNames: ['path', 'operation', 'outcome'] as const,
    registers: [this.#registry],
  });
  readonly admissionSeconds = new Histogram({
    name: 'tagpin_admission_duration_seconds',
    help: 'Time from the first byte of an admission request to its answer.',
    labelNames: ['path'] as const,
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.#registry],
  });
  readonly shed = new Counter({
    name: 'tagpin_admission_shed_total',
    help: 'Admission requests answered 503, to be sent again: full (no room for their bodies), late (waited too long); and connections closed at once (connections).',
    labelNames: ['path', 'reason'] as const,
    registers: [this.#registry],
  });
  readonly failures = new Counter({
    name: 'tagpin_admission_failures_total',
    help: 'Admission requests that tagpin had no verdict on: unreadable (cut off, too large, or none at all), failed (its own fault).',
    labelNames: ['path', 'reason'] as const,
    registers: [this.#registry],
  });
  readonly images = new Counter({
    name: 'tagpin_images_total',
    help: 'Images decided on, by mode, outcome (pinned, pinnable in audit, left, failed) and its source or reason.',
    labelNames: ['mode', 'outcome', 'reason'] as const,
    registers: [this.#registry],
  });
  readonly revisions = new Counter({
    name: 'tagpin_revisions_total',
    help: 'Revisions seen when they were made: stored (their pins), unchanged (stored before), nothing (to store), too_large (for their annotations).',
    labelNames: ['kind', 'outcome'] as const,
    registers: [this.#registry],
  });
  readonly revisionImages = new Counter({
    name: 'tagpin_revision_images_total',
    help: 'Images of revisions resolved for all their pods, by outcome (pinned, failed) and its source or reason.',
    labelNames: ['kind', 'outcome', 'reason'] as const,
    registers: [this.#registry],
  });
  readonly lacking = new Counter({
    name: 'tagpin_revision_pins_lacking_total',
    help: 'Images of pods that are in the template of a revision whose pins lack them.',
    labelNames: ['mode'] as const,
    registers: [this.#registry],
  });
  readonly otherDigests = new Counter({
    name: 'tagpin_other_digests_total',
    help: 'Images of pods that came by another digest than their revision stores, by what became of it: kept, replaced.',
    labelNames: ['mode', 'outcome'] as const,
    registers: [this.#registry],
  });
  readonly goneReplaced = new Counter({
    name: 'tagpin_gone_digests_replaced_total',
    help: 'Images of pods that got what their tag has now, because the digest that their revision stores is gone (pin.whenGone: tag).',
    labelNames: ['mode'] as const,
    registers: [this.#registry],
  });
  readonly #registryRequests = new Counter({
    name: 'tagpin_registry_requests_total',
    help: 'Requests sent to registries and token servers; status 0 is no answer.',
    labelNames: ['registry', 'method', 'status'] as const,
    registers: [this.#registry],
  });
  readonly #registrySeconds = new Histogram({
    name: 'tagpin_registry_request_duration_seconds',
    help: 'Time that registries and token servers took to answer.',
    labelNames: ['registry'] as const,
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.#registry],
  });
  readonly #kubernetesRequests = new Counter({
    name: 'tagpin_kubernetes_requests_total',
    help: 'Requests sent to the API server; status 0 is no answer.',
    labelNames: ['resource', 'method', 'status'] as const,
    registers: [this.#registry],
  });
  readonly #kubernetesSeconds = new Histogram({
    name: 'tagpin_kubernetes_request_duration_seconds',
    help: 'Time that the API server took to answer.',
    labelNames: ['resource'] as const,
    buckets: [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.#registry],
  });
  readonly reloadFailures = new Counter({
    name: 'tagpin_config_reload_failures_total',
    help: 'Times that files of the configuration (registries, docker_config) changed into something unusable.',
    labelNames: ['files'] as const,
    registers: [this.#registry],
  });
  readonly certificateExpiry = new Gauge({
    name: 'tagpin_certificate_expiry_timestamp_seconds',
    help: 'When the certificate being served expires.',
    registers: [this.#registry],
  });
  readonly resolves = new ResolveMetrics(this.#registry, this.#labels);
  readonly #quota = new PullQuota(this.#registry);

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const files of ['registries', 'docker_config']) this.reloadFailures.inc({ files }, 0);
  }

  /** Adds the metrics of this process: its version and current values. To be called once. */
  show(version: string, readings: Readings): void {
    const build = new Gauge({
      name: 'tagpin_build_info',
      help: 'Always 1; its labels say what is running.',
      labelNames: ['version', 'node'],
      registers: [this.#registry],
    });
    build.set({ version, node: process.versions.node }, 1);
    showReadings(this.#registry, readings);
  }

  /** Creates the series of these kinds of requests that alerts watch. */
  expectKubernetesRequests(calls: readonly KubernetesRequestKind[]): void {
    for (const { resource, method } of calls)
      for (const status of kubernetesTrouble) this.#kubernetesRequests.inc({ resource, method, status }, 0);
  }

  #expectRegistry(registry: string): void {
    this.resolves.expect(registry);
    for (const method of ['HEAD', 'GET'])
      for (const status of registryTrouble) this.#registryRequests.inc({ registry, method, status }, 0);
  }

  kubernetesRequest({ resource, method, status, milliseconds }: KubernetesRequestEvent): void {
    this.#kubernetesRequests.inc({ resource, method, status: String(status) });
    this.#kubernetesSeconds.observe({ resource }, milliseconds / 1000);
  }

  registryRequest(event: RegistryRequestEvent): void {
    const registry = this.#labels.label(event.host);
    this.#registryRequests.inc({ registry, method: event.method, status: String(event.status) });
    this.#registrySeconds.observe({ registry }, event.milliseconds / 1000);
    this.#quota.record(event.host, event.headers ?? {});
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
