import { LRUCache } from 'lru-cache';
import { Gauge, type Registry } from 'prom-client';

/** Few registries report a quota. Beyond this number the least recent are dropped, because a sum would mean nothing. */
const MAX_REGISTRIES = 20;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The pulls that registries allow, and those that remain. Docker Hub reports them, per address or account. */
export class PullQuota {
  readonly #limit: Gauge<'registry'>;
  readonly #remaining: Gauge<'registry'>;
  readonly #seen = new LRUCache<string, true>({
    max: MAX_REGISTRIES,
    dispose: (_seen, registry, reason) => {
      if (reason !== 'evict') return;
      this.#limit.remove({ registry });
      this.#remaining.remove({ registry });
    },
  });

  constructor(register: Registry) {
    this.#limit = new Gauge({
      name: 'tagpin_registry_ratelimit_limit',
      help: 'Pulls that the registry allows in its window, as its last answer said.',
      labelNames: ['registry'],
      registers: [register],
    });
    this.#remaining = new Gauge({
      name: 'tagpin_registry_ratelimit_remaining',
      help: 'Pulls that are left of those, as its last answer said.',
      labelNames: ['registry'],
      registers: [register],
    });
  }

  /** Records the quota in the headers of a response, if there is one. */
  record(registry: string, headers: Headers): void {
    const limit = count(headers['ratelimit-limit']);
    const remaining = count(headers['ratelimit-remaining']);
    if (limit === undefined && remaining === undefined) return;
    this.#seen.set(registry, true);
    if (limit !== undefined) this.#limit.set({ registry }, limit);
    if (remaining !== undefined) this.#remaining.set({ registry }, remaining);
  }
}

/** The number in `100;w=21600`. */
function count(header: string | string[] | undefined): number | undefined {
  const digits = typeof header === 'string' ? /^\s*(\d{1,12})\s*(?:[;,]|$)/.exec(header)?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
}
