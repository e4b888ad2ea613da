import { request } from 'undici';
import { z } from 'zod';
import { connect } from '../../src/kubernetes/connection.ts';
import { CALL } from './call-recorder.ts';
import type { Cluster } from './cluster.ts';
import type { Namespace } from './namespace.ts';
import type { Change, OddPod } from './odd-pods.ts';
import { until } from './until.ts';

/** Sends pods to the API server as dry runs. Each call has a unique name. */
export interface DryRuns extends AsyncDisposable {
  /** Creates a pod. Returns the name of the call. */
  create(pod: OddPod): Promise<string>;
  /** Replaces the stored pod with a changed one. Returns the name of the call. */
  change(change: Change): Promise<string>;
  /** Creates pods until a call is as expected. */
  until(isSo: (call: string) => boolean, images: { readonly tag: string }): Promise<void>;
}

const labelled = z.looseObject({
  metadata: z.looseObject({
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
});

export function dryRunsIn(cluster: Cluster, namespace: Namespace): DryRuns {
  const connection = connect({ kubeconfig: cluster.kubeconfig });
  const pods = `/api/v1/namespaces/${namespace.name}/pods`;
  let number = 0;
  async function send(method: 'GET' | 'POST' | 'PUT', path: string, object?: unknown): Promise<string> {
    const { dispatcher, headers } = await connection.access();
    const { body } = await request(`${connection.server}${path}`, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      ...(object !== undefined && { body: JSON.stringify(object) }),
      ...(dispatcher && { dispatcher }),
    });
    return await body.text();
  }
  /** The API server's answer doesn't matter: some pods are invalid, which it finds last. */
  async function call(method: 'POST' | 'PUT', path: string, object: unknown): Promise<string> {
    const name = `call-${++number}`;
    const { metadata, ...rest } = labelled.parse(object);
    const labels = { ...metadata.labels, [CALL]: name };
    await send(method, `${path}?dryRun=All`, { ...rest, metadata: { ...metadata, labels } });
    return name;
  }
  const create = (pod: OddPod) => call('POST', pods, pod);
  return {
    create,
    async change({ name, subresource, apply }) {
      const stored: unknown = JSON.parse(await send('GET', `${pods}/${name}`));
      return await call('PUT', `${pods}/${name}${subresource ? `/${subresource}` : ''}`, apply(stored));
    },
    until: async (isSo, { tag }) => {
      await until('the webhooks to be called', async () => {
        const name = await create({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'web' },
          spec: { containers: [{ name: 'c0', image: tag }] },
        });
        return isSo(name) || undefined;
      });
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
