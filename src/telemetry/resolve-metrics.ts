import { Counter, Gauge, type Registry } from 'prom-client';

const notAskedReasons = ['busy', 'broken', 'rate_limited'] as const;

/** Metrics of resolving, and of the limits for registries. Hosts with the label `other` are summed. */
export class ResolveMetrics {
  readonly #labels: HostLabels;
  readonly #resolves: Counter<'outcome'>;
  readonly #inFlight: Gauge<'registry'>;
  readonly #waiting: Gauge<'registry'>;
  readonly #broken: Gauge<'registry'>;
  readonly #retries: Counter<'registry' | 'reason'>;
  readonly #notAsked: Counter<'registry' | 'reason'>;

  constructor(register: Registry, labels: HostLabels) {
    const registers = [register];
    this.#labels = labels;
    this.#resolves = new Counter({
      name: 'tagpin_resolves_total',
      help: 'Resolves by outcome: cache, registry, stale, remembered_failure (a no of the last seconds), failed.',
      labelNames: ['outcome'],
      registers,
    });
    this.#inFlight = new Gauge({
      name: 'tagpin_registry_in_flight',
      help: 'Resolves that are with the registry now.',
      labelNames: ['registry'],
      registers,
    });
    this.#waiting = new Gauge({
      name: 'tagpin_registry_waiting',
      help: 'Resolves that wait for their turn with the registry (limits.concurrency).',
      labelNames: ['registry'],
      registers,
    });
    this.#broken = new Gauge({
      name: 'tagpin_registry_breaker_open',
      help: 'Whether the registry is taken to be down: resolves fail at once, but one every few seconds.',
      labelNames: ['registry'],
      registers,
    });
    this.#retries = new Counter({
      name: 'tagpin_registry_retries_total',
      help: 'Attempts repeated, by what the one before failed of.',
      labelNames: ['registry', 'reason'],
      registers,
    });
    this.#notAsked = new Counter({
      name: 'tagpin_registry_not_asked_total',
      help: 'Resolves that failed without a request: busy (queue full), broken (breaker open), rate_limited.',
      labelNames: ['registry', 'reason'],
      registers,
    });
  }

  /** Creates the series of a registry that alerts watch. */
  expect(registry: string): void {
    for (const reason of notAskedReasons) this.#notAsked.inc({ registry, reason }, 0);
  }

  resolved(outcome: string): void {
    this.#resolves.inc({ outcome });
  }

  inFlight(host: string, change: 1 | -1): void {
    this.#inFlight.inc({ registry: this.#labels.label(host) }, change);
  }

  waiting(host: string, change: 1 | -1): void {
    this.#waiting.inc({ registry: this.#labels.label(host) }, change);
  }

  broken(host: string, isOpen: boolean): void {
    this.#broken.inc({ registry: this.#labels.label(host) }, isOpen ? 1 : -1);
  }

  retried(host: string, reason: string): void {
    this.#retries.inc({ registry: this.#labels.label(host), reason });
  }

  notAsked(host: string, reason: string): void {
    this.#notAsked.inc({ registry: this.#labels.label(host), reason });
  }
}

/** Any image can add a registry host; beyond this number, hosts share the label `other`. */
const MAX_HOSTS = 100;
const OTHER = 'other';

/** The label of a registry host, the same in all metrics. */
export class HostLabels {
  readonly #known = new Set<string>();
  readonly #onNew: (label: string) => void;

  /** @param onNew called once for each label, before it is first used */
  constructor(onNew: (label: string) => void = () => undefined) {
    this.#onNew = onNew;
  }

  label(host: string): string {
    const label = this.#known.has(host) || this.#known.size < MAX_HOSTS ? host : OTHER;
    if (!this.#known.has(label)) {
      this.#known.add(label);
      this.#onNew(label);
    }
    return label;
  }
}
