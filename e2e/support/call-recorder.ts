import { lookup } from 'node:dns/promises';
import { createServer } from 'node:https';
import { z } from 'zod';
import { createAuthority } from '../../test/support/authority.ts';
import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import type { Namespace } from './namespace.ts';

/** The label of pods that identifies a call. */
export const CALL = 'e2e.tagpin.dev/call';
const LABEL = 'e2e.tagpin.dev/recorded';

const webhook = z.looseObject({
  name: z.string(),
  rules: z.array(z.unknown()),
  matchConditions: z.array(z.unknown()),
});
const installed = z.object({ webhooks: z.array(z.looseObject({ name: z.string() })) });
const review = z.looseObject({
  request: z.looseObject({
    uid: z.string(),
    object: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()).default({}) }),
    }),
  }),
});
export type Review = z.infer<typeof review>;

/** Two webhooks that allow everything and record their calls. */
export interface CallRecorder extends AsyncDisposable {
  /** What the API server would send to a webhook without conditions; undefined if it sent nothing. */
  review(call: string): Review | undefined;
  /** Whether it calls a webhook with the installed one's conditions. */
  isCalled(call: string): boolean;
}

/** Records calls for pods of a namespace, with the rules and conditions of the installed webhook `enforce.tagpin.dev`. */
export async function recordCalls(cluster: Cluster, namespace: Namespace): Promise<CallRecorder> {
  const kubectl = (args: readonly string[], input = '') =>
    succeed(run([cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, ...args], { input }));
  const configuration = await kubectl(['get', 'mutatingwebhookconfiguration', 'tagpin', '--output=json']);
  const entries = installed.parse(JSON.parse(configuration)).webhooks;
  const { rules, matchConditions } = webhook.parse(entries.find(({ name }) => name === 'enforce.tagpin.dev'));

  // The API server reaches it at the registries' address.
  const { address } = await lookup(cluster.detourRegistry.split(':')[0] ?? '');
  const authority = await createAuthority('tagpin e2e');
  const calls = { all: new Map<string, Review>(), conditional: new Map<string, Review>() };
  const server = createServer(await authority.issue([address]), (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const read = review.parse(JSON.parse(Buffer.concat(chunks).toString()));
      const { uid, object } = read.request;
      const seen = request.url?.startsWith('/conditional') ? calls.conditional : calls.all;
      seen.set(object.metadata.labels[CALL] ?? '', read);
      response.setHeader('Content-Type', 'application/json');
      const answer = { uid, allowed: true };
      response.end(
        JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const listening = server.address();
  const port = typeof listening === 'object' ? listening?.port : undefined;
  const entry = (path: string, conditions: object) => ({
    name: `${path}.${namespace.name}.tagpin.dev`,
    admissionReviewVersions: ['v1'],
    clientConfig: {
      url: `https://${address}:${port}/${path}`,
      caBundle: Buffer.from(authority.caPem).toString('base64'),
    },
    failurePolicy: 'Fail',
    sideEffects: 'None',
    namespaceSelector: { matchLabels: { [LABEL]: namespace.name } },
    rules,
    ...conditions,
  });
  const recorder = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: namespace.name },
    webhooks: [entry('all', {}), entry('conditional', { matchConditions })],
  };
  await kubectl(['create', '--filename', '-'], JSON.stringify(recorder));
  await kubectl(['label', 'namespace', namespace.name, `${LABEL}=${namespace.name}`]);
  return {
    review: (call) => calls.all.get(call),
    isCalled: (call) => calls.conditional.has(call),
    async [Symbol.asyncDispose]() {
      await kubectl(['delete', 'mutatingwebhookconfiguration', namespace.name]);
      server.close();
      server.closeAllConnections();
    },
  };
}
