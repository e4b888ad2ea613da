import type { Programs } from '../machine/binaries.ts';
import type { Cluster } from '../support/cluster.ts';
export async function startKindCluster(directory: string, programs: Programs): Promise<Cluster> {
  throw new Error(directory + programs.crane);
}
export async function deleteKindCluster(): Promise<void> {}
export async function loadIntoDocker(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
}
