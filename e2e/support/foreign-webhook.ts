import { lookup } from 'node:dns/promises';
import { createServer } from 'node:https';
import { z } from 'zod';
import { createAuthority } from '../../test/support/authority.ts';
import type { Cluster } from './cluster.ts';

const reviewSchema = z.looseObject({
  request: z.looseObject({
    uid: z.string(),
    object: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()).default({}) }),
      spec: z
        .looseObject({ containers: z.array(z.looseObject({ image: z.string().optional() })) })
        .optional(),
    }),
  }),
});
/** An AdmissionReview, whole. */
export type Review = z.infer<typeof reviewSchema>;

/** A webhook other than tagpin's, in the process of the tests. */
export interface ForeignWebhook extends AsyncDisposable {
  /** How an entry of a webhook configuration calls it, at this path. */
  clientConfig(path: string): { readonly url: string; readonly caBundle: string };
}

/** Starts one that allows everything, with the JSON patch that `answer` gives. */
export async function startForeignWebhook(
  { detourRegistry }: Cluster,
  answer: (path: string, review: Review) => readonly object[] | undefined,
): Promise<ForeignWebhook> {
  // Where the API server finds the registries, it finds this.
  const { address } = await lookup(detourRegistry.split(':')[0] ?? '');
  const authority = await createAuthority('tagpin e2e');
  const server = createServer(await authority.issue([address]), (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = reviewSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
      const [path = ''] = (request.url ?? '').slice(1).split('?');
      const patch = answer(path, review);
      const patched = patch && {
        patchType: 'JSONPatch',
        patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
      };
      response.setHeader('Content-Type', 'application/json');
      response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid: review.request.uid, allowed: true, ...patched },
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const listening = server.address();
  const port = typeof listening === 'object' ? listening?.port : undefined;
  const caBundle = Buffer.from(authority.caPem).toString('base64');
  return {
    clientConfig: (path) => ({ url: `https://${address}:${port}/${path}`, caBundle }),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
