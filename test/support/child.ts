import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Makes sure that a process doesn't outlive this one, however this one ends. Returns its id. */
export function adopt(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("the process wasn't started");
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child.pid;
}

export const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

/** Ends a process and waits until it is gone. */
export async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
