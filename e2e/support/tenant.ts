import { request } from 'undici';
import { z } from 'zod';
import { connect } from '../../src/kubernetes/connection.ts';
import type { Cluster } from './cluster.ts';
import type { Manifest, Namespace } from './namespace.ts';
import { kubeconfigWith } from './preflight.ts';

/** How the API server answered. */
export interface Answer {
  readonly status: number;
  /** What it refused with; empty if it didn't. */
  readonly message: string;
  /** The images of the pod as admitted. */
  readonly images: readonly string[];
  readonly milliseconds: number;
}

/** A user who may do in one namespace what Kubernetes' own ClusterRole `edit` allows. */
export interface Tenant extends AsyncDisposable {
  /** Has a pod admitted by a dry run, so that no quota counts. */
  tryPod(manifest: Manifest): Promise<Answer>;
}

const answer = z.object({
  message: z.string().default(''),
  spec: z.object({ containers: z.array(z.object({ image: z.string() })) }).optional(),
});

export async function tenantOf(cluster: Cluster, namespace: Namespace): Promise<Tenant> {
  const connection = connect({ kubeconfig: await kubeconfigWith(cluster, namespace, 'edit') });
  const path = `/api/v1/namespaces/${namespace.name}/pods?dryRun=All`;
  return {
    async tryPod(manifest) {
      const { dispatcher, headers } = await connection.access();
      const started = performance.now();
      const { statusCode, body } = await request(`${connection.server}${path}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(manifest),
        ...(dispatcher && { dispatcher }),
      });
      const { message, spec } = answer.parse(await body.json());
      return {
        status: statusCode,
        message,
        images: (spec?.containers ?? []).map(({ image }) => image),
        milliseconds: performance.now() - started,
      };
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
