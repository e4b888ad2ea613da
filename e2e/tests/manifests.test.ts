import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../src/config.ts';
import { CALLED_FIRST } from '../../src/preflight/webhook-configuration.ts';
import { routePaths } from '../../src/webhook/routes.ts';
import { readCluster } from '../support/cluster.ts';
import { run, succeed } from '../support/command.ts';
import { defineCustomResources } from '../support/custom-resources.ts';
import {
  components,
  compose,
  type KubernetesObject,
  objectOf,
  overlays,
  render,
} from '../support/kustomization.ts';

const cluster = readCluster();
const settings = parseConfig('{}', 'default').webhook;

const combinations = overlays.flatMap((base) => [
  { base, components: [] },
  ...components.map((component) => ({ base, components: [component] })),
  { base, components },
]);

const workloadSchema = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        serviceAccountName: z.string(),
        terminationGracePeriodSeconds: z.number(),
        containers: z.tuple([
          z.object({
            ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
            startupProbe: z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) }),
            livenessProbe: z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) }),
            readinessProbe: z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) }),
            volumeMounts: z.array(z.object({ name: z.string() })),
          }),
        ]),
        volumes: z.array(
          z.object({
            name: z.string(),
            configMap: z.object({ name: z.string() }).optional(),
            secret: z.object({ secretName: z.string() }).optional(),
          }),
        ),
      }),
    }),
  }),
});
const serviceSchema = z.object({
  spec: z.object({
    ports: z.array(z.object({ name: z.string(), port: z.number(), targetPort: z.string() })),
  }),
});
const webhooksSchema = z.object({
  webhooks: z.array(
    z.object({
      clientConfig: z.object({
        service: z.object({ name: z.string(), namespace: z.string(), path: z.string(), port: z.number() }),
      }),
      timeoutSeconds: z.number(),
    }),
  ),
});
const certificateSchema = z.object({
  spec: z.object({ secretName: z.string(), dnsNames: z.array(z.string()) }),
});

const ofKind = (objects: readonly KubernetesObject[], kind: string) =>
  objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);

/** What the manifests and the code must agree on, in every combination. */
function expectToMatchTheCode(objects: readonly KubernetesObject[], own: readonly string[]): void {
  const { spec } = objectOf(objects, 'Deployment', 'tagpin', workloadSchema).spec.template;
  const [container] = spec.containers;
  expect(container.ports).toEqual([
    { name: 'webhook', containerPort: settings.port },
    { name: 'health', containerPort: settings.healthPort },
  ]);
  expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: 'health' });
  expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'health' });
  expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'health' });
  expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(settings.drain + 15_000);

  const { ports } = objectOf(objects, 'Service', settings.service, serviceSchema).spec;
  const served = ports.find(({ targetPort }) => targetPort === 'webhook')?.port;
  const { webhooks } = objectOf(
    objects,
    'MutatingWebhookConfiguration',
    own.includes('called-first') ? CALLED_FIRST : settings.webhookConfiguration,
    webhooksSchema,
  );
  const paths = own.includes('other-digests') ? [...routePaths, ...routePaths.slice(0, 3)] : routePaths;
  expect(webhooks.map(({ clientConfig }) => clientConfig.service.path)).toEqual(paths);
  for (const { clientConfig, timeoutSeconds } of webhooks) {
    expect(clientConfig.service).toMatchObject({
      name: settings.service,
      namespace: 'tagpin-system',
      port: served,
    });
    expect(timeoutSeconds).toBeLessThanOrEqual(10);
  }

  const watch = own.includes('watch') ? ['tagpin-watch'] : [];
  expect(ofKind(objects, 'ServiceAccount')).toEqual([spec.serviceAccountName, ...watch]);
  const secrets = [
    ...ofKind(objects, 'Secret'),
    ...objects
      .filter(({ kind, metadata }) => kind === 'Certificate' && metadata.name === 'tagpin')
      .map((object) => certificateSchema.parse(object).spec.secretName),
  ];
  for (const { configMap, secret } of spec.volumes) {
    if (configMap !== undefined) expect(ofKind(objects, 'ConfigMap')).toContain(configMap.name);
    if (secret !== undefined) expect(secrets).toContain(secret.secretName);
  }
}

const clusterScoped =
  /^(Namespace|Cluster.*|MutatingWebhookConfiguration|(Mutating|Validating)AdmissionPolicy.*)$/;

describe('the manifests', () => {
  beforeAll(() => defineCustomResources(cluster));

  test('are of three overlays and as many components as there are folders', () => {
    expect(overlays).toEqual(['cert-manager', 'default', 'single-node']);
    expect(components).toEqual(
      expect.arrayContaining([
        'azure',
        'called-first',
        'ecr',
        'google',
        'guard',
        'known-rollouts',
        'mirrors',
        'monitoring',
        'namespaced-secrets',
        'network-policy',
        'other-digests',
        'watch',
        'watch-monitoring',
      ]),
    );
  });

  for (const combination of combinations)
    test(`${combination.base} with ${combination.components.join(', ') || 'no component'} are accepted by the API server, and match the code`, async () => {
      const folder = compose(cluster, combination);
      const objects = await render(cluster, folder);
      expectToMatchTheCode(objects, combination.components);
      for (const { kind, metadata } of objects) {
        expect(metadata.labels, `${kind} ${metadata.name}`).toMatchObject({
          'app.kubernetes.io/name': 'tagpin',
        });
        expect(metadata.namespace, `${kind} ${metadata.name}`).toBe(
          clusterScoped.test(kind) ? undefined : 'tagpin-system',
        );
      }
      const dryRun = ['--dry-run=server', '--server-side', '--force-conflicts', '--validate=strict'];
      await succeed(
        run([
          cluster.programs.kubectl,
          '--kubeconfig',
          cluster.kubeconfig,
          'apply',
          ...dryRun,
          '--kustomize',
          folder,
        ]),
      );
    });

  test('of the component network-policy are refused until the API server has its address', async () => {
    const policy = join(import.meta.dirname, '../../manifests/components/network-policy/network-policy.yaml');
    const { code, stderr } = await run([
      cluster.programs.kubectl,
      '--kubeconfig',
      cluster.kubeconfig,
      '--namespace=tagpin-system',
      'apply',
      '--dry-run=server',
      '--filename',
      policy,
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('Invalid value: "api-server-address"');
  });
});
