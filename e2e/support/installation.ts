import { join } from 'node:path';
import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { type Result, run, succeed } from './command.ts';
import { until } from './until.ts';

/** The whole installation, for tests that run alone on the cluster. */
export interface Installation {
  /** The folder of the kustomization that it was installed with. */
  readonly folder: string;
  /** Runs kubectl in tagpin's namespace. Failures don't throw. */
  kubectl(...args: readonly string[]): Promise<Result>;
  /** Installs again whatever is missing. Returns when the API server can call tagpin. */
  restore(): Promise<void>;
  hasWebhookConfiguration(): Promise<boolean>;
}

const configuration = z.object({
  webhooks: z.array(z.object({ clientConfig: z.object({ caBundle: z.string().default('') }) })),
});

export function installationOf(cluster: Cluster): Installation {
  const folder = join(cluster.directory, 'install');
  const command = [cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, '--namespace=tagpin-system'];
  const kubectl = (...args: readonly string[]) => run([...command, ...args]);
  const webhooks = async () => {
    const { code, stdout } = await kubectl('get', 'mutatingwebhookconfiguration', 'tagpin', '--output=json');
    return code === 0 ? configuration.parse(JSON.parse(stdout)).webhooks : [];
  };
  return {
    folder,
    kubectl,
    async restore() {
      await succeed(kubectl('apply', '--kustomize', folder));
      await succeed(kubectl('rollout', 'status', 'deployment/tagpin', '--timeout=90s'));
      await until('every entry of the webhook configuration to have its CA', async () => {
        const entries = await webhooks();
        const isTold = entries.every(({ clientConfig }) => clientConfig.caBundle !== '');
        return (entries.length > 0 && isTold) || undefined;
      });
    },
    hasWebhookConfiguration: async () => (await webhooks()).length > 0,
  };
}
