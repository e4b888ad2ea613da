import { readdirSync, readFileSync } from 'node:fs';

/**
 * The first process of a container, as this machine knows it. What runs in the container can't end or stop it: the
 * kernel shields the first process of a namespace from those inside.
 *
 * @param container the id that the runtime knows it by; containerd names its control groups so
 */
export function processOf(container: string): number {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const inside = ids.filter((id) => read(`/proc/${id}/cgroup`).includes(container)).map(Number);
  const [first] = inside.sort((a, b) => a - b);
  if (container === '' || first === undefined) throw new Error(`container ${container} has no process here`);
  return first;
}

/** A process may end while it is looked at. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
