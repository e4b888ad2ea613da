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
