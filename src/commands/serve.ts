import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config, Environment } from '../config.ts';
import { createEngine } from '../engine.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { Connection } from '../kubernetes/connection.ts';
import type { Logger } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { type Certificates, expiryOf } from '../webhook/certificate.ts';
import {
  agreeOnCertificates,
  type CertificatePlace,
  publishAuthority,
} from '../webhook/certificate-store.ts';
import { createHealthApp, type Readiness } from '../webhook/health.ts';
import { connectionLimit, Intake } from '../webhook/intake.ts';
import { type ListeningServer, listen } from '../webhook/listen.ts';
import { pinSettings } from '../webhook/pinning.ts';
import { createRoutes } from '../webhook/routes.ts';
import { createWebhookApp } from '../webhook/server.ts';

/** The caBundle and the Secret are looked at again so often: somebody may apply the manifests anew. */
const CERTIFICATE_CHECK_MS = 30_000;
const RETRY_MS = 2_000;
const KUBERNETES_TIMEOUT_MS = 10_000;

/**
 * `tagpin serve`: the webhook, until `stop` aborts. Then it reports not ready, goes on serving for as long as it
 * takes that to get around, and closes.
 */
export async function serve(
  config: Config,
  environment: Environment,
  connection: Connection,
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  const metrics = new Metrics();
  const engine = createEngine(config, connection, metrics, { log, proxies: environment.proxies });
  const place: CertificatePlace = { namespace: environment.namespace, ...config.webhook };
  let readiness: Readiness = { ready: false, reason: 'waiting for the certificate' };

  const health = await listen(
    createHttpServer(createHealthApp(() => (stop.aborted ? shuttingDown : readiness), metrics)),
    config.webhook.healthPort,
  );
  let webhook: ListeningServer | undefined;
  try {
    const certificates = await untilDone(
      'agreeing on a certificate',
      () => agree(engine.kubernetes, place, stop),
      log,
      stop,
    );
    const app = createWebhookApp({
      routes: createRoutes({ ...engine, settings: pinSettings(config), log, metrics }),
      log,
      metrics,
      intake: new Intake(config.webhook.inFlight),
      draining: () => stop.aborted,
    });
    const server = createHttpsServer(
      { cert: certificates.cert, key: certificates.key, minVersion: 'TLSv1.2' },
      app,
    );
    server.maxConnections = connectionLimit(config.webhook.inFlight);
    server.on('drop', () => metrics.shed.inc({ path: '', reason: 'connections' }));
    webhook = await listen(server, config.webhook.port);
    metrics.certificateExpiry.set(expiryOf(certificates).getTime() / 1000);
    log.info({ port: config.webhook.port, expires: expiryOf(certificates).toISOString() }, 'serving');

    readiness = { ready: false, reason: 'waiting for the API server to be told of the CA' };
    await untilDone(
      'telling the API server of the CA',
      () => publish(engine.kubernetes, place, certificates, log, stop),
      log,
      stop,
    );
    readiness = { ready: true };
    await keepCertificates(engine.kubernetes, place, certificates, log, stop, (renewed) => {
      server.setSecureContext({ cert: renewed.cert, key: renewed.key, minVersion: 'TLSv1.2' });
      metrics.certificateExpiry.set(expiryOf(renewed).getTime() / 1000);
    });
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    readiness = shuttingDown;
    if (webhook !== undefined) {
      log.info({ ms: config.webhook.drain }, 'draining');
      await delay(config.webhook.drain);
      await webhook.close();
    }
    await health.close();
    await engine.close();
    log.info('stopped');
  }
}

const shuttingDown: Readiness = { ready: false, reason: 'shutting down' };

const inTime = (stop: AbortSignal) => AbortSignal.any([stop, AbortSignal.timeout(KUBERNETES_TIMEOUT_MS)]);

const agree = (api: KubernetesApi, place: CertificatePlace, stop: AbortSignal) =>
  agreeOnCertificates(api, place, inTime(stop));

async function publish(
  api: KubernetesApi,
  place: CertificatePlace,
  certificates: Certificates,
  log: Logger,
  stop: AbortSignal,
) {
  const signal = inTime(stop);
  if (await publishAuthority(api, place, certificates.caCert, signal)) return;
  log.warn(
    `MutatingWebhookConfiguration ${place.webhookConfiguration} doesn't exist: nothing calls this webhook`,
  );
}

/** Until `stop`: serves what the Secret holds if that changes, and puts the CA back where it has been wiped. */
async function keepCertificates(
  api: KubernetesApi,
  place: CertificatePlace,
  initial: Certificates,
  log: Logger,
  stop: AbortSignal,
  install: (certificates: Certificates) => void,
): Promise<void> {
  let current = initial;
  for (;;) {
    await delay(CERTIFICATE_CHECK_MS, undefined, { signal: stop });
    try {
      const stored = await agree(api, place, stop);
      if (stored.cert !== current.cert) {
        install(stored);
        current = stored;
        log.info({ expires: expiryOf(stored).toISOString() }, 'certificate replaced');
      }
      await publish(api, place, current, log, stop);
    } catch (error) {
      log.warn({ err: error }, "the certificate can't be checked");
    }
  }
}

/** Does it again until it succeeds, or until `stop`. */
async function untilDone<T>(
  what: string,
  attempt: () => Promise<T>,
  log: Logger,
  stop: AbortSignal,
): Promise<T> {
  for (;;) {
    stop.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      log.warn({ err: error }, `${what} didn't work; trying again`);
      await delay(RETRY_MS, undefined, { signal: stop });
    }
  }
}
