import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { readEnvironment } from '../../src/config/environment.ts';
import { type Config, parseConfig } from '../../src/config.ts';
import { createEngine } from '../../src/engine.ts';
import { connect } from '../../src/kubernetes/connection.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { LoadLimiter } from '../../src/webhook/load-limiter.ts';
import { createRoutes } from '../../src/webhook/routes.ts';
import { createWebhookApp } from '../../src/webhook/server.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { said } from '../support/secrets/record.ts';

const answerSchema = z.object({
  apiVersion: z.string(),
  kind: z.literal('AdmissionReview'),
  response: z.object({
    uid: z.string(),
    allowed: z.boolean(),
    status: z.object({ code: z.number(), message: z.string() }).optional(),
    patchType: z.string().optional(),
    patch: z.string().optional(),
    warnings: z.array(z.string()).optional(),
  }),
});
export type Answer = z.infer<typeof answerSchema>;

/** The real webhook, beside an API server of its own. */
export interface Webhook extends AsyncDisposable {
  url: string;
  api: ApiServer;
  metrics: Metrics;
  /** The log, an object a line. */
  log: Record<string, unknown>[];
  /** Sends a review of a pod; `timeout` as the API server would say it. */
  review(mode: string, review: unknown, timeout?: string): Promise<Answer>;
  /** Sends a review to any path. */
  ask(path: string, review: unknown, timeout?: string): Promise<Answer>;
  /** Sends anything. */
  post(
    path: string,
    body: string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; text: string }>;
}

/** @param config the configuration, in YAML */
export async function startWebhook(config = '{}'): Promise<Webhook> {
  const settings: Config = parseConfig(config, 'test');
  const api = await startSecureApiServer();
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-webhook-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);

  const lines: Record<string, unknown>[] = [];
  const write = (line: string) =>
    void lines.push(z.record(z.string(), z.unknown()).parse(JSON.parse(said("webhook's log", line))));
  const log = createLogger('info', { write });
  const metrics = new Metrics();
  const { proxies } = readEnvironment({});
  const engine = createEngine(settings, connect({ kubeconfig }), metrics, { log, proxies });
  const routes = createRoutes({ ...engine, settings: settings.pin, log, metrics });
  const load = new LoadLimiter(settings.webhook.inFlight);
  const server = createServer(createWebhookApp({ routes, log, metrics, load, draining: () => false }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${portOf(server.address())}`;

  const post: Webhook['post'] = async (path, body, headers = { 'content-type': 'application/json' }) => {
    const response = await fetch(url + path, { method: 'POST', body, headers });
    return { status: response.status, text: said("webhook's answer", await response.text()) };
  };
  const ask: Webhook['ask'] = async (path, review, timeout = '10s') => {
    const { text } = await post(`${path}?timeout=${timeout}`, JSON.stringify(review));
    return answerSchema.parse(JSON.parse(text));
  };
  return {
    url,
    api,
    metrics,
    log: lines,
    post,
    ask,
    review: (mode, review, timeout) => ask(`/pin/${mode}`, review, timeout),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      said("webhook's metrics", await metrics.text());
      await engine.close();
      await api.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A Secret of docker credentials for `host`. */
export function pullSecret(
  name: string,
  host: string,
  username: string,
  password: string,
  namespace = 'default',
) {
  const auths = { [host]: { username, password } };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  };
}
