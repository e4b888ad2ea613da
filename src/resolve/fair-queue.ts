/** The tenant of an entry, and its account within the tenant. */
export interface Turn {
  tenant: string;
  account: string;
}

/**
 * A queue that serves tenants in turn, and within a tenant its accounts, so that the many requests of one delay no other.
 *
 * It is bounded. A full queue evicts the newest entry of the longest account of the longest tenant, which is the new entry
 * unless another tenant has more.
 */
export class FairQueue<T> {
  readonly #limit: number;
  /** Both levels in the order in which they are served. */
  readonly #tenants = new Map<string, Map<string, T[]>>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** Appends an entry. Returns the evicted entry, which may be the new one. */
  push({ tenant, account }: Turn, entry: T): { turn: Turn; entry: T } | undefined {
    const accounts = this.#tenants.get(tenant) ?? new Map<string, T[]>();
    const line = accounts.get(account) ?? [];
    this.#tenants.set(tenant, accounts.set(account, line));
    line.push(entry);
    this.#size++;
    return this.#size > this.#limit ? this.#drop(tenant) : undefined;
  }

  /** The tenants that wait, the next in turn first. */
  get tenants(): Iterable<string> {
    return this.#tenants.keys();
  }

  /** Takes the first entry of the tenant's account whose turn it is; the tenant's next turn is then the last. */
  take(tenant: string): T | undefined {
    const accounts = this.#tenants.get(tenant);
    const [account, line] = accounts?.entries().next().value ?? [];
    if (accounts === undefined || account === undefined || line === undefined) return undefined;
    const entry = line.shift();
    this.#size--;
    accounts.delete(account);
    if (line.length > 0) accounts.set(account, line);
    this.#tenants.delete(tenant);
    if (accounts.size > 0) this.#tenants.set(tenant, accounts);
    return entry;
  }

  /** Takes out an entry that no longer waits. */
  remove({ tenant, account }: Turn, entry: T): void {
    const line = this.#tenants.get(tenant)?.get(account) ?? [];
    const index = line.indexOf(entry);
    if (index !== -1) this.#cut({ tenant, account }, index);
  }

  #drop(newcomer: string): { turn: Turn; entry: T } | undefined {
    const tenant = longest(this.#tenants, newcomer, (accounts) =>
      accounts.values().reduce((sum, line) => sum + line.length, 0),
    );
    const accounts = this.#tenants.get(tenant) ?? new Map<string, T[]>();
    const account = longest(accounts, accounts.keys().next().value ?? '', (line) => line.length);
    const turn = { tenant, account };
    const entry = accounts.get(account)?.at(-1);
    this.#cut(turn, -1);
    return entry === undefined ? undefined : { turn, entry };
  }

  #cut({ tenant, account }: Turn, index: number): void {
    const accounts = this.#tenants.get(tenant);
    const line = accounts?.get(account);
    if (accounts === undefined || line === undefined) return;
    this.#size -= line.splice(index, 1).length;
    if (line.length === 0) accounts.delete(account);
    if (accounts.size === 0) this.#tenants.delete(tenant);
  }
}

/** The key with the most; `preferred` unless another has more. */
function longest<V>(
  lines: ReadonlyMap<string, V>,
  preferred: string,
  lengthOf: (value: V) => number,
): string {
  const first = lines.get(preferred);
  let [key, length] = [preferred, first === undefined ? 0 : lengthOf(first)];
  for (const [candidate, value] of lines) {
    const other = lengthOf(value);
    if (other > length) [key, length] = [candidate, other];
  }
  return key;
}
