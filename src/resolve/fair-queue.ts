/**
 * A queue in which groups take turns, so that who sends much waits for himself and not others for him.
 *
 * It is bounded: when it is full, the last of the longest group has to go, and that is the newcomer unless another
 * group is longer than his.
 */
export class FairQueue<T> {
  readonly #limit: number;
  /** In the order in which the groups are served. */
  readonly #groups = new Map<string, T[]>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** Puts an entry at the end of its group. Returns the one that has to go for it, perhaps itself. */
  push(group: string, entry: T): T | undefined {
    const entries = this.#groups.get(group) ?? [];
    this.#groups.set(group, entries);
    entries.push(entry);
    this.#size++;
    return this.#size > this.#limit ? this.#dropFrom(this.#longest(group)) : undefined;
  }

  /** Takes the first entry of the group whose turn it is. */
  shift(): T | undefined {
    const [turn] = this.#groups;
    if (turn === undefined) return undefined;
    const [group, entries] = turn;
    const entry = entries.shift();
    this.#size--;
    this.#groups.delete(group);
    if (entries.length > 0) this.#groups.set(group, entries);
    return entry;
  }

  /** Takes out an entry that no longer wants its turn. */
  remove(group: string, entry: T): void {
    const entries = this.#groups.get(group) ?? [];
    const index = entries.indexOf(entry);
    if (index === -1) return;
    entries.splice(index, 1);
    this.#size--;
    if (entries.length === 0) this.#groups.delete(group);
  }

  #longest(newcomer: string): string {
    let [longest, length] = [newcomer, this.#groups.get(newcomer)?.length ?? 0];
    for (const [group, entries] of this.#groups) {
      if (entries.length > length) [longest, length] = [group, entries.length];
    }
    return longest;
  }

  #dropFrom(group: string): T | undefined {
    const entries = this.#groups.get(group) ?? [];
    const dropped = entries.pop();
    this.#size--;
    if (entries.length === 0) this.#groups.delete(group);
    return dropped;
  }
}
