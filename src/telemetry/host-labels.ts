/** Registry hosts come from whatever images people write: beyond so many, the rest count as `other`. */
const MAX_HOSTS = 100;

/** The hosts that metrics name; the same host has the same label in all of them. */
export class HostLabels {
  readonly #hosts = new Set<string>();

  label(host: string): string {
    if (this.#hosts.size < MAX_HOSTS) this.#hosts.add(host);
    return this.#hosts.has(host) ? host : 'other';
  }
}
