import { combine } from './config/hosts-directory.ts';
import type { Config, Environment } from './config.ts';
import { PullSecrets } from './credentials/pull-secrets.ts';
import { createKubernetesApi, type KubernetesApi } from './kubernetes/api.ts';
import type { Connection } from './kubernetes/connection.ts';
import { RegistryClient } from './registry/client.ts';
import { Endpoints } from './registry/endpoint.ts';
import { Limits } from './resolve/limits.ts';
import { Resolver } from './resolve/resolver.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** The parts that every command works with, put together. */
export interface Engine {
  kubernetes: KubernetesApi;
  pullSecrets: PullSecrets;
  resolver: Resolver;
  close(): Promise<void>;
}

/** Puts the parts together as the configuration says. This is the only place that does. */
export function createEngine(
  config: Config,
  connection: Connection,
  metrics: Metrics,
  { proxies }: Pick<Environment, 'proxies'>,
): Engine {
  const { denyPrivateRegistries } = config;
  const { settings, otherwise } = combine(config.certsDirectory, config.registries);
  const endpoints = new Endpoints(settings, { otherwise, denyPrivateRegistries, proxies });
  const client = new RegistryClient(endpoints, (event) => metrics.registryRequest(event));
  const kubernetes = createKubernetesApi(connection);
  return {
    kubernetes,
    pullSecrets: new PullSecrets(kubernetes),
    resolver: new Resolver(client, config.cache, {
      limits: new Limits(config.limits, { observer: metrics.resolves }),
      observe: (outcome) => metrics.resolves.resolved(outcome),
    }),
    async close() {
      await Promise.all([endpoints.close(), connection.close()]);
    },
  };
}
