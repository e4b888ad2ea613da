import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { type PreflightOptions, preflight } from '../../../src/commands/preflight/preflight.ts';
import type { Attributes } from '../../support/api-server/access-review.ts';
import { type ApiServer, startSecureApiServer } from '../../support/api-server.ts';
import { runCommand } from '../../support/run-command.ts';

/** What the command prints with `-o json`. */
const reportSchema = z.object({
  namespace: z.string(),
  checks: z.array(z.object({ name: z.string(), result: z.string(), detail: z.string() })),
  images: z.array(
    z.object({
      image: z.string(),
      state: z.string(),
      digest: z.string().optional(),
      credential: z.string().optional(),
      condition: z.string().optional(),
      message: z.string().optional(),
      reason: z.string().optional(),
      usedBy: z.array(z.string()),
      stored: z.array(z.string()),
      pull: z.object({ isPossible: z.boolean(), notes: z.array(z.string()) }).optional(),
      idle: z.boolean(),
    }),
  ),
  unread: z.array(z.string()),
});

export interface PreflightCluster extends AsyncDisposable {
  readonly api: ApiServer;
  readonly kubeconfig: string;
  /** What access reviews say no to. */
  readonly denied: ((what: Attributes) => boolean)[];
  /** Runs the command in this process, for its JSON. */
  preflight(
    namespace: string,
    options?: Partial<PreflightOptions>,
  ): Promise<{ code: number; report: z.infer<typeof reportSchema>; said: string }>;
}

export async function startPreflights(): Promise<PreflightCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-preflight-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const denied: PreflightCluster['denied'] = [];
  const api = await startSecureApiServer({ mayDo: (what) => !denied.some((denies) => denies(what)) });
  await api.writeKubeconfig(kubeconfig);
  return {
    api,
    kubeconfig,
    denied,
    async preflight(namespace, options = {}) {
      const { code, out, err } = await runCommand('tagpin preflight', kubeconfig, (context) =>
        preflight(namespace, { timeout: 20_000, output: 'json', ...options }, context),
      );
      return { code, report: reportSchema.parse(JSON.parse(out)), said: err };
    },
    async [Symbol.asyncDispose]() {
      await api.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const manifest = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../../manifests/base', name), 'utf8');

const configurationSchema = z.looseObject({
  kind: z.string(),
  apiVersion: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  webhooks: z.array(z.looseObject({ clientConfig: z.looseObject({}) })),
});

export interface Installed {
  /** PEM; nothing of it where tagpin hasn't made its certificate yet. */
  ca?: string;
  cert?: string;
  key?: string;
  ready?: boolean;
  /** Pods that a rollout is replacing, beside the two that stay. */
  draining?: number;
}

/** tagpin's objects as they are once its manifests have been applied, until the test ends. */
export function installation(
  api: ApiServer,
  { ca, cert, key, ready = true, draining = 0 }: Installed,
): Disposable {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const configuration = configurationSchema.parse(parse(manifest('webhook.yaml'), { merge: true }));
  const own = (name: string) => ({ namespace: 'tagpin-system', name });
  const objects = [
    {
      ...configuration,
      webhooks: configuration.webhooks.map((webhook) => ({
        ...webhook,
        clientConfig: { ...webhook.clientConfig, ...(ca !== undefined && { caBundle: encode(ca) }) },
      })),
    },
    { apiVersion: 'v1', kind: 'Service', metadata: own('tagpin') },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...own('tagpin-x'), labels: { 'kubernetes.io/service-name': 'tagpin' } },
      endpoints: [
        { conditions: { ready } },
        { conditions: { ready } },
        ...Array.from({ length: draining }, () => ({ conditions: { ready: false, terminating: true } })),
      ],
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: own('tagpin-certificate'),
      ...(ca &&
        cert &&
        key && { data: { 'ca.crt': encode(ca), 'tls.crt': encode(cert), 'tls.key': encode(key) } }),
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: own('tagpin'),
      spec: { template: { spec: { serviceAccountName: 'tagpin', containers: [] } } },
    },
  ];
  for (const object of objects) api.put(object);
  return {
    [Symbol.dispose]() {
      for (const { kind, metadata } of objects) {
        api.remove(
          kind,
          kind === 'MutatingWebhookConfiguration' ? undefined : 'tagpin-system',
          metadata.name,
        );
      }
    },
  };
}
