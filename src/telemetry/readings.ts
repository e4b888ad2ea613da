import { Gauge, type Registry } from 'prom-client';

/** Current values, read when Prometheus scrapes. */
export interface Readings {
  isReady(): boolean;
  reviewsInFlight(): number;
  /** The size of their bodies, and a fixed amount for each. */
  bytesInFlight(): number;
  readonly bytesInFlightLimit: number;
  cacheEntries(): number;
  readonly cacheEntriesLimit: number;
  /** From the API server, by reviews. */
  readsInFlight(): number;
  readsWaiting(): number;
}

const gauges: readonly { name: string; help: string; read(readings: Readings): number }[] = [
  {
    name: 'tagpin_ready',
    help: 'Whether this replica is ready: 1 while it serves a certificate that the API server trusts.',
    read: ({ isReady }) => Number(isReady()),
  },
  {
    name: 'tagpin_admission_in_flight',
    help: 'Admission requests that are under way.',
    read: ({ reviewsInFlight }) => reviewsInFlight(),
  },
  {
    name: 'tagpin_admission_in_flight_bytes',
    help: 'Room that those take: their bodies, and 32Ki for each.',
    read: ({ bytesInFlight }) => bytesInFlight(),
  },
  {
    name: 'tagpin_admission_in_flight_limit_bytes',
    help: 'Room that there is for them: webhook.inFlight.',
    read: ({ bytesInFlightLimit }) => bytesInFlightLimit,
  },
  {
    name: 'tagpin_cache_entries',
    help: 'Digests in the cache.',
    read: ({ cacheEntries }) => cacheEntries(),
  },
  {
    name: 'tagpin_cache_entries_limit',
    help: 'Digests that the cache has room for: cache.entries.',
    read: ({ cacheEntriesLimit }) => cacheEntriesLimit,
  },
  {
    name: 'tagpin_kubernetes_reads_in_flight',
    help: 'Reads from the API server under way for reviews.',
    read: ({ readsInFlight }) => readsInFlight(),
  },
  {
    name: 'tagpin_kubernetes_reads_waiting',
    help: "Reads from the API server that wait for their namespace's turn.",
    read: ({ readsWaiting }) => readsWaiting(),
  },
];

/** Registers a gauge for each reading. */
export function showReadings(register: Registry, readings: Readings): void {
  for (const { name, help, read } of gauges) {
    new Gauge({
      name,
      help,
      registers: [register],
      collect() {
        this.set(read(readings));
      },
    });
  }
}
