import express, { type Express } from 'express';
import type { Metrics } from '../telemetry/metrics.ts';

/**
 * What the kubelet and Prometheus ask for: `/healthz`, `/readyz`, `/metrics`.
 *
 * @param obstacle why the webhook can't serve now; undefined when it can
 */
export function createHealthApp(obstacle: () => string | undefined, metrics: Metrics): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/healthz', (_request, response) => {
    response.type('text').send('ok\n');
  });
  app.get('/readyz', (_request, response) => {
    const reason = obstacle();
    if (reason === undefined) response.type('text').send('ok\n');
    else response.status(503).type('text').send(`${reason}\n`);
  });
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.text());
  });
  return app;
}
