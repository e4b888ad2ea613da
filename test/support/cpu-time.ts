/** Milliseconds of a core that this takes: unlike the clock's, they don't depend on what else the machine does. */
export function cpuMilliseconds(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
