import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { groups, monitor } from '../../test/monitoring/manifests.ts';
import { freePort } from '../../test/support/listen.ts';
import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import { startDaemon } from './daemon.ts';

/** A Prometheus that scrapes tagpin and the API server, and evaluates tagpin's rules. */
export interface Prometheus extends AsyncDisposable {
  /** The result of an expression of PromQL, now. */
  query(expression: string): Promise<readonly Sample[]>;
  /** The names of the alerts that ring now. */
  ringing(): Promise<string[]>;
}

const sampleSchema = z.object({ metric: z.record(z.string(), z.string()) });
export type Sample = z.infer<typeof sampleSchema>;

const queried = z.object({ status: z.literal('success'), data: z.object({ result: z.array(sampleSchema) }) });
const alerting = z.object({
  data: z.object({
    alerts: z.array(z.object({ labels: z.object({ alertname: z.string() }), state: z.string() })),
  }),
});
const kubeconfigSchema = z.object({
  clusters: z.array(z.object({ cluster: z.looseObject({ server: z.string() }) })),
  users: z.array(z.object({ user: z.looseObject({ token: z.string() }) })),
});

const namesSchema = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });
const slicesSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ labels: z.object({ 'kubernetes.io/service-name': z.string() }) }),
      endpoints: z.array(
        z.object({ addresses: z.array(z.string()), targetRef: z.object({ name: z.string() }) }),
      ),
      ports: z.array(z.object({ name: z.string(), port: z.number() })),
    }),
  ),
});

/** Debian's package `prometheus` has it. */
const PROGRAM = '/usr/bin/prometheus';

export async function startPrometheus(cluster: Cluster): Promise<Prometheus> {
  const folder = mkdtempSync(join(cluster.directory, 'prometheus-'));
  const kubeconfig = kubeconfigSchema.parse(parse(readFileSync(cluster.kubeconfig, 'utf8')));
  const server = new URL(kubeconfig.clusters[0]?.cluster.server ?? '').host;
  const access = {
    scheme: 'https',
    tls_config: { insecure_skip_verify: true },
    authorization: { credentials: kubeconfig.users[0]?.user.token },
  };
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(folder, 'rules.yaml')],
    scrape_configs: [
      { job_name: 'apiserver', ...access, static_configs: [{ targets: [server] }] },
      { job_name: 'tagpin', ...access, static_configs: await targetsOf(cluster, server) },
    ],
  };
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'rules.yaml'), stringify({ groups }));
  writeFileSync(join(folder, 'prometheus.yaml'), stringify(config), { mode: 0o600 });
  const address = `127.0.0.1:${await freePort()}`;
  const files = [
    `--config.file=${join(folder, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
  ];
  const daemon = startDaemon({
    name: 'prometheus',
    command: [PROGRAM, ...files, `--web.listen-address=${address}`],
    logFile: join(folder, 'log'),
  });
  const get = async (path: string): Promise<unknown> => (await fetch(`http://${address}${path}`)).json();
  await daemon.ready(async () => {
    const answer = await fetch(`http://${address}/-/ready`).catch(() => undefined);
    return answer?.ok ? true : undefined;
  });
  return {
    async query(expression) {
      const answer = await get(`/api/v1/query?${new URLSearchParams({ query: expression })}`);
      return queried.parse(answer).data.result;
    },
    async ringing() {
      const { alerts } = alerting.parse(await get('/api/v1/alerts')).data;
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
    },
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}

/**
 * What the Prometheus Operator finds by the ServiceMonitor: the ready addresses of the port that it names, of the Services
 * that it selects. Debian's Prometheus can't look for them itself. The API server's proxy leads to them, because this machine
 * may not reach them.
 */
async function targetsOf({ programs, kubeconfig }: Cluster, server: string) {
  const selector = Object.entries(monitor.selector.matchLabels).map((label) => label.join('='));
  const get = async (...args: string[]): Promise<unknown> => {
    const command = [
      programs.kubectl,
      '--kubeconfig',
      kubeconfig,
      '-n',
      'tagpin-system',
      'get',
      '-o',
      'json',
    ];
    return JSON.parse(await succeed(run([...command, ...args])));
  };
  const services = namesSchema.parse(await get('services', '-l', selector.join(','))).items;
  const names = services.map(({ metadata }) => metadata.name);
  const slices = slicesSchema.parse(
    await get('endpointslices', '-l', `kubernetes.io/service-name in (${names.join(',')})`),
  );
  return slices.items.flatMap(({ metadata, endpoints, ports }) =>
    endpoints.flatMap(({ addresses: [address], targetRef }) =>
      ports
        .filter(({ name }) => monitor.endpoints.some(({ port }) => port === name))
        .map(({ port }) => ({
          targets: [server],
          labels: {
            job: metadata.labels['kubernetes.io/service-name'],
            namespace: 'tagpin-system',
            pod: targetRef.name,
            instance: `${address}:${port}`,
            __metrics_path__: `/api/v1/namespaces/tagpin-system/pods/${targetRef.name}:${port}/proxy/metrics`,
          },
        })),
    ),
  );
}
