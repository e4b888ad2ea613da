/** The claims that were checked, with their results. */
export class Checks {
  #held = 0;
  readonly #broken: string[] = [];

  /** Records whether the claim holds, and returns that. */
  check(claim: string, holds: boolean): boolean {
    if (holds) this.#held += 1;
    else this.#broken.push(claim);
    return holds;
  }

  /** 0 only if at least one claim was checked, and all held. */
  get exitCode(): 0 | 1 {
    return this.#held > 0 && this.#broken.length === 0 ? 0 : 1;
  }

  /** The result, in lines; names each claim that didn't hold. */
  summary(): string[] {
    if (this.#broken.length === 0) return [`${this.#held} checks held`];
    const all = this.#held + this.#broken.length;
    return [`${this.#broken.length} of ${all} checks did not hold:`, ...this.#broken.map((it) => `  ${it}`)];
  }
}
