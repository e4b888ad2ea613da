import { readdirSync, readlinkSync } from 'node:fs';
import { residentOf } from './servers/process.ts';

/** What a process holds, and how promptly it runs. */
export interface Sample {
  /** MiB. */
  readonly resident: number;
  /** MiB of what JavaScript has that lives or hasn't been collected yet. */
  readonly heap: number;
  /** Milliseconds that the event loop was late, in the slowest hundredth since the last sample. */
  readonly delay: number;
  readonly descriptors: number;
  readonly sockets: number;
}

/** @param metrics of the process, as Prometheus has them */
export function sampleOf(pid: number, metrics: string): Sample {
  const folder = `/proc/${pid}/fd`;
  const descriptors = readdirSync(folder);
  const sockets = descriptors.filter((name) => linkOf(`${folder}/${name}`).startsWith('socket:'));
  return {
    resident: residentOf(pid).now,
    heap: metric(metrics, 'nodejs_heap_size_used_bytes') / 2 ** 20,
    delay: metric(metrics, 'nodejs_eventloop_lag_p99_seconds') * 1000,
    descriptors: descriptors.length,
    sockets: sockets.length,
  };
}

function metric(metrics: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
}

/** A descriptor may be closed while it is looked at. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
