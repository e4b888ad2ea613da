import { request } from 'undici';
import { z } from 'zod';
import { connect } from '../../src/kubernetes/connection.ts';
import type { Cluster } from './cluster.ts';
import type { Manifest, Namespace } from './namespace.ts';

const container = z.looseObject({ name: z.string(), image: z.string(), imagePullPolicy: z.string() });
const volume = z.looseObject({
  name: z.string(),
  image: z.object({ reference: z.string(), pullPolicy: z.string() }).optional(),
});
export const admittedSchema = z.object({
  metadata: z.object({
    annotations: z.record(z.string(), z.string()).default({}),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.looseObject({
    containers: z.array(container),
    initContainers: z.array(container).default([]),
    volumes: z.array(volume).default([]),
  }),
});

/** A pod as it would be stored, without what is another's in each namespace. */
export type AdmittedPod = z.infer<typeof admittedSchema>;

/** Has the API server take pods through admission, and keep none. */
export interface Admission extends AsyncDisposable {
  /** @throws with what the API server says, if it refuses the pod */
  admit(namespace: Namespace, pod: Manifest): Promise<AdmittedPod>;
}

export function admissionOf(cluster: Cluster): Admission {
  const connection = connect({ kubeconfig: cluster.kubeconfig });
  return {
    async admit({ name }, pod) {
      const { dispatcher, headers } = await connection.access();
      const response = await request(`${connection.server}/api/v1/namespaces/${name}/pods?dryRun=All`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(pod),
        ...(dispatcher && { dispatcher }),
      });
      const text = await response.body.text();
      if (response.statusCode !== 201) throw new Error(`refused: ${text}`);
      return admittedSchema.parse(JSON.parse(text));
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
