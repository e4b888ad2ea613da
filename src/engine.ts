import { ConfiguredRegistries, type OnUnusable } from './config/configured-registries.ts';
import type { Config } from './config.ts';
import { CloudCredentials } from './credentials/cloud/cloud-credentials.ts';
import type { CredentialSource } from './credentials/credential.ts';
import { CredentialSources } from './credentials/credential-sources.ts';
import { DockerConfigFile } from './credentials/docker-config-file.ts';
import { PullSecrets } from './credentials/pull-secrets.ts';
import { createKubernetesApi, type KubernetesApi } from './kubernetes/api.ts';
import type { Connection } from './kubernetes/connection.ts';
import { inTurns } from './kubernetes/shared-reads.ts';
import { type ReadTurns, reviewTurns } from './kubernetes/turns.ts';
import { webhookCalls } from './kubernetes/webhook-calls.ts';
import type { Proxies } from './proxies.ts';
import { RegistryClient } from './registry/client.ts';
import { Endpoints } from './registry/endpoint.ts';
import type { Observer } from './registry/http.ts';
import { OriginClient } from './registry/origin.ts';
import { RegistryLimiters } from './resolve/registry-limiter.ts';
import { Resolver } from './resolve/resolver.ts';
import { RevisionDigests } from './revision/revision-digests.ts';
import type { Logger } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** What asks registries, put together; it needs no cluster. */
export interface RegistryEngine {
  client: RegistryClient;
  /** For pushes; the webhook makes none. */
  origin: OriginClient;
  /** What all requests to registries wait for. */
  limiters: RegistryLimiters;
  resolver: Resolver;
  credentials: CredentialSources;
  close(): Promise<void>;
}

/** The parts of the webhook, put together. */
export interface Engine extends RegistryEngine {
  /** For the webhook's own objects. */
  api: KubernetesApi;
  /** For reviews: what they read waits for its turn. */
  kubernetes: Pick<KubernetesApi, 'list'>;
  /** The same for lists of which one object is read: they cost no more than a read of it. */
  probes: Pick<KubernetesApi, 'list'>;
  turns: ReadTurns;
  pullSecrets: PullSecrets;
  revisions: RevisionDigests;
}

export interface RegistryParts {
  /** Sources of tagpin's own credentials, in the order to try them; the clouds come after. */
  sources: readonly CredentialSource[];
  proxies: Proxies;
  /** Told when the files that the configuration of registries is in change into something unusable. */
  onUnusableRegistries?: OnUnusable;
  /** Told of each request to a registry. */
  observe: Observer;
  /** Told of each resolve. */
  metrics?: Metrics['resolves'];
}

/** Puts together what asks registries, as the configuration says. */
export function createRegistryEngine(config: Config, parts: RegistryParts): RegistryEngine {
  const { denyPrivateRegistries } = config;
  const { metrics, proxies } = parts;
  const registries = new ConfiguredRegistries(config, parts.onUnusableRegistries);
  const endpoints = new Endpoints(() => registries.current, { denyPrivateRegistries, proxies });
  const client = new RegistryClient(endpoints, parts.observe);
  const limiters = new RegistryLimiters(config.limits, metrics === undefined ? {} : { observer: metrics });
  const cloud = new CloudCredentials({
    clouds: config.credentials.cloud,
    dispatcher: (url) => endpoints.dispatcher(url, endpoints.registry(url.host)),
    proxies,
  });
  return {
    client,
    origin: new OriginClient(endpoints, parts.observe),
    limiters,
    resolver: new Resolver(client, config.cache, {
      limits: limiters,
      observe: (outcome) => metrics?.resolved(outcome),
    }),
    credentials: new CredentialSources([...parts.sources, cloud]),
    close: () => endpoints.close(),
  };
}

/** Puts the webhook's parts together as the configuration says. */
export function createEngine(
  config: Config,
  connection: Connection,
  metrics: Metrics,
  { log, proxies }: { log: Logger; proxies: Proxies },
): Engine {
  metrics.expectKubernetesRequests(webhookCalls);
  const api = createKubernetesApi(connection, (request) => metrics.kubernetesRequest(request));
  const turns = reviewTurns();
  const { dockerConfig } = config;
  const engine = createRegistryEngine(config, {
    sources: dockerConfig === undefined ? [] : [openDockerConfig(dockerConfig, log, metrics)],
    proxies,
    onUnusableRegistries: ({ problems }) => {
      metrics.reloadFailures.inc({ files: 'registries' });
      log.warn(
        { problems },
        'the configuration of registries has changed and is unusable; its last content counts',
      );
    },
    observe: (event) => metrics.registryRequest(event),
    metrics: metrics.resolves,
  });
  return {
    ...engine,
    api,
    kubernetes: inTurns(api, turns.lists),
    probes: inTurns(api, turns.objects),
    turns,
    pullSecrets: new PullSecrets(api, turns.objects),
    revisions: new RevisionDigests(api, { turns }),
    async close() {
      await Promise.all([engine.close(), connection.close()]);
    },
  };
}

/** Without its helpers: they are programs that would run with the webhook's rights. */
function openDockerConfig(path: string, log: Logger, metrics: Metrics): DockerConfigFile {
  const file = new DockerConfigFile(path, (error) => {
    metrics.reloadFailures.inc({ files: 'docker_config' });
    log.warn(
      { err: error, file: path },
      'the docker config has changed and is unusable; its last content counts',
    );
  });
  if (file.hasHelpers) {
    log.warn({ file: path }, 'credential helpers are not run here; put the credentials into auths');
  }
  return file;
}
