import { readFileSync } from 'node:fs';

/** A process that answers reviews, and how to reach it. It ends when this is disposed of. */
export interface ReviewServer extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly ca: string;
  readonly servername: string;
  /** With the query. */
  readonly path: string;
}

/** Linux counts the time of processes in hundredths of a second. */
const TICK_MS = 10;

/** Milliseconds of a core that a process has used so far. */
export function cpuOf(pid: number): number {
  // The program's name comes before, in parentheses, and may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const [user, system] = [fields[11], fields[12]];
  return (Number(user) + Number(system)) * TICK_MS;
}

/** MiB of a process that are in memory now, and how much it was at most. */
export function residentOf(pid: number): { now: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { now: mebibytes('VmRSS'), most: mebibytes('VmHWM') };
}

/** Does the work for each, so many at once. */
export async function forEach<Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = Iterator.from(items);
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
