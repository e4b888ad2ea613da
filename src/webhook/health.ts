import express, { type Express } from 'express';
import type { Metrics } from '../telemetry/metrics.ts';

/** Whether the webhook can serve; when it can't, why. */
export type Readiness = { ready: true } | { ready: false; reason: string };

/** What the kubelet and Prometheus ask for: `/healthz`, `/readyz`, `/metrics`. */
export function createHealthApp(readiness: () => Readiness, metrics: Metrics): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/healthz', (_request, response) => {
    response.type('text').send('ok\n');
  });
  app.get('/readyz', (_request, response) => {
    const state = readiness();
    if (state.ready) response.type('text').send('ok\n');
    else response.status(503).type('text').send(`${state.reason}\n`);
  });
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.text());
  });
  return app;
}
