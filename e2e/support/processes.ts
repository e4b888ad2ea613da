import { readdirSync, readFileSync } from 'node:fs';

/**
 * The first process of a container, as seen on this machine. Processes in the container can't end or stop it, because the
 * kernel shields the first process of a PID namespace from those inside.
 *
 * @param container its id in the runtime; containerd names control groups after it
 */
export function processOf(container: string): number {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const inside = ids.filter((id) => read(`/proc/${id}/cgroup`).includes(container)).map(Number);
  const [first] = inside.sort((a, b) => a - b);
  if (container === '' || first === undefined) throw new Error(`container ${container} has no process here`);
  return first;
}

/** A process may end while it is read. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
