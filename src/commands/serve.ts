import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import packageJson from '../../package.json' with { type: 'json' };
import { serverName } from '../certificate/certificate-store.ts';
import { MountedCertificate, MountedCertificateError } from '../certificate/mounted-certificate.ts';
import { keepOwnerReference } from '../certificate/owner-reference.ts';
import { type CertificateSource, ServedCertificate } from '../certificate/served-certificate.ts';
import { SharedCertificate } from '../certificate/shared-certificate.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Environment } from '../config/environment.ts';
import { InvalidConfig, Mistakes } from '../config/invalid-config.ts';
import { type Config, loadConfig } from '../config.ts';
import { type ExitCode, exitCode } from '../console/exit.ts';
import type { CommandContext } from '../console/runtime.ts';
import { createEngine } from '../engine.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { Connection } from '../kubernetes/connection.ts';
import type { Logger } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { type ListeningServer, listen } from '../webhook/graceful-server.ts';
import { createHealthApp } from '../webhook/health-and-metrics.ts';
import { connectionLimit, LoadLimiter } from '../webhook/load-limiter.ts';
import { createRoutes } from '../webhook/routes.ts';
import { createWebhookApp } from '../webhook/server.ts';

/**
 * `tagpin serve`: runs the webhook until `stop` aborts. Then it reports not ready, serves until the endpoints are
 * updated, and closes.
 *
 * @param clock for certificates
 */
export async function serve(
  config: Config,
  environment: Environment,
  connection: Connection,
  log: Logger,
  stop: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  log.info({ version: packageJson.version, node: process.versions.node }, 'starting');
  const metrics = new Metrics();
  const engine = createEngine(config, connection, metrics, { log, proxies: environment.proxies });
  const load = new LoadLimiter(config.webhook.inFlight);
  const app = createWebhookApp({
    routes: createRoutes({ ...engine, settings: config.pin, log, metrics }),
    log,
    metrics,
    load,
    draining: () => stop.aborted,
  });
  // No TLS handshake succeeds until a certificate is installed, which happens once the API server trusts it.
  const server = createHttpsServer(app);
  server.maxConnections = connectionLimit(config.webhook.inFlight);
  metrics.shed.inc({ path: '', reason: 'connections' }, 0);
  server.on('drop', () => metrics.shed.inc({ path: '', reason: 'connections' }));
  const certificate = new ServedCertificate({
    source: certificateSource(config, environment, engine.api, clock, log),
    install: ({ cert, key }) => server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' }),
    clock,
    log,
    metrics,
  });

  const obstacle = () => (stop.aborted ? 'shutting down' : certificate.obstacle);
  metrics.show(packageJson.version, {
    isReady: () => obstacle() === undefined,
    reviewsInFlight: () => load.underWay,
    bytesInFlight: () => load.reservedBytes,
    bytesInFlightLimit: config.webhook.inFlight,
    cacheEntries: () => engine.resolver.cacheEntries,
    cacheEntriesLimit: config.cache.entries,
    readsInFlight: () => engine.turns.objects.underWay + engine.turns.lists.underWay,
    readsWaiting: () => engine.turns.objects.waiting + engine.turns.lists.waiting,
  });
  const health = await listen(
    createHttpServer(createHealthApp(obstacle, metrics)),
    config.webhook.healthPort,
  );
  let webhook: ListeningServer | undefined;
  try {
    webhook = await listen(server, config.webhook.port);
    log.info({ port: config.webhook.port }, 'listening');
    const { namespace } = environment;
    const { webhookConfiguration } = config.webhook;
    const owned = { api: engine.api, namespace, webhookConfiguration, clock, log };
    await Promise.all([certificate.keep(stop), keepOwnerReference(owned, stop)]);
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
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

function certificateSource(
  { webhook }: Config,
  { namespace }: Environment,
  api: KubernetesApi,
  clock: Clock,
  log: Logger,
): CertificateSource {
  const place = { namespace, ...webhook };
  const now = () => clock.now();
  return webhook.certificate === undefined
    ? new SharedCertificate(api, place, now, log)
    : new MountedCertificate(webhook.certificate, serverName(place), now);
}

/**
 * `tagpin serve --check`: validates what `tagpin serve` reads when it starts, without starting it: the configuration, the
 * files that it names, and the environment.
 *
 * @param path a file or a folder; undefined for the defaults
 * @param openContext throws InvalidConfig for a mistake in the environment
 * @throws InvalidConfig with all mistakes
 */
export async function checkConfig(
  path: string | undefined,
  openContext: () => CommandContext,
): Promise<ExitCode> {
  const mistakes = new Mistakes();
  const config = mistakes.collect(() => loadConfig(path));
  const context = mistakes.collect(openContext);
  const fault = config && context && (await faultOfCertificate(config, context.environment.namespace));
  mistakes.collect(() => {
    if (fault !== undefined) throw new InvalidConfig(path ?? '', [`webhook.certificate: ${fault}`]);
  });
  mistakes.throwIfAny();
  context?.terminal.out(`${path ?? 'the default configuration'} is valid\n`);
  return exitCode.done;
}

/** What keeps a mounted certificate from being served; undefined if nothing does, or if tagpin creates its own. */
async function faultOfCertificate({ webhook }: Config, namespace: string): Promise<string | undefined> {
  if (webhook.certificate === undefined) return undefined;
  const name = serverName({ ...webhook, namespace });
  try {
    await new MountedCertificate(webhook.certificate, name, Date.now).current();
    return undefined;
  } catch (error) {
    if (error instanceof MountedCertificateError) return `${error.message}; mount a valid one for ${name}`;
    throw error;
  }
}
