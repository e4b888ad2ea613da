import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiServer, startSecureApiServer } from './api-server.ts';

/** An object, as the API server takes it. */
export type Put = Parameters<ApiServer['put']>[0];

/** A cluster, as the API server stores one, for a command that runs in this process. */
export interface CommandCluster extends AsyncDisposable {
  readonly api: ApiServer;
  readonly folder: string;
  readonly kubeconfig: string;
  put(...objects: readonly Put[]): void;
}

export async function startCommandCluster(...objects: readonly Put[]): Promise<CommandCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-command-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const api = await startSecureApiServer();
  await api.writeKubeconfig(kubeconfig);
  const put: CommandCluster['put'] = (...more) => {
    for (const object of more) api.put(object);
  };
  put(...objects);
  return {
    api,
    folder,
    kubeconfig,
    put,
    async [Symbol.asyncDispose]() {
      await api.close();
      rmSync(folder, { recursive: true });
    },
  };
}
