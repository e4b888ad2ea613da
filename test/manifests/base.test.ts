import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../src/config.ts';
import { parseDuration } from '../../src/duration.ts';
import { modes } from '../../src/pin/opt-in.ts';
import { routePaths } from '../../src/webhook/routes.ts';
import { namespaceSelector, readManifest } from './read.ts';

const rule = z.object({ operations: z.array(z.string()), resources: z.array(z.string()) });
const { webhooks } = readManifest(
  'base/webhook.yaml',
  'MutatingWebhookConfiguration',
  z.object({
    webhooks: z.array(
      z.object({
        name: z.string(),
        clientConfig: z.object({
          service: z.object({ name: z.string(), path: z.string(), port: z.number() }),
        }),
        failurePolicy: z.string(),
        timeoutSeconds: z.number(),
        sideEffects: z.string(),
        reinvocationPolicy: z.string(),
        rules: z.array(rule),
        namespaceSelector,
      }),
    ),
  }),
);

const container = z.object({
  args: z.array(z.string()),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
  readinessProbe: z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) }),
  livenessProbe: z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) }),
  resources: z.object({ limits: z.object({ memory: z.string() }) }),
  securityContext: z.unknown(),
});
const { spec: deployment } = readManifest(
  'base/deployment.yaml',
  'Deployment',
  z.object({
    spec: z.object({
      replicas: z.number(),
      template: z.object({
        spec: z.object({
          terminationGracePeriodSeconds: z.number(),
          topologySpreadConstraints: z.array(z.object({ topologyKey: z.string() })),
          securityContext: z.unknown(),
          containers: z.tuple([container]),
        }),
      }),
    }),
  }),
);
const pod = deployment.template.spec;
const [tagpin] = pod.containers;

describe('the webhook configuration', () => {
  const podRules = [
    { operations: ['CREATE', 'UPDATE'], resources: ['pods'] },
    { operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'] },
  ];
  const revisionRules = [
    { operations: ['CREATE', 'UPDATE'], resources: ['replicasets', 'controllerrevisions'] },
    { operations: ['CREATE', 'UPDATE'], resources: ['jobs'] },
  ];
  const workloadRules = [
    { operations: ['CREATE', 'UPDATE'], resources: ['deployments', 'statefulsets', 'daemonsets'] },
    { operations: ['CREATE', 'UPDATE'], resources: ['cronjobs', 'jobs'] },
  ];
  const entries = [
    ...modes.map((mode) => ({
      name: `${mode}.tagpin.dev`,
      path: `/pin/${mode}`,
      namespaces: [mode],
      rules: podRules,
      reinvocationPolicy: 'IfNeeded',
    })),
    {
      name: 'revision.tagpin.dev',
      path: '/revision',
      // audit changes nothing, and so stores nothing
      namespaces: ['enforce', 'best-effort'],
      rules: revisionRules,
      reinvocationPolicy: 'IfNeeded',
    },
    ...modes.map((mode) => ({
      name: `${mode}.workload.tagpin.dev`,
      path: `/workload/${mode}`,
      namespaces: [mode],
      rules: workloadRules,
      reinvocationPolicy: 'Never',
    })),
  ];

  test('has an entry for each path that the webhook answers', () => {
    const paths = webhooks.map(({ clientConfig }) => clientConfig.service.path);
    expect(paths).toEqual(entries.map(({ path }) => path));
    expect(paths).toEqual(routePaths);
  });

  test.each(entries)('$name', ({ name, path, namespaces, rules, reinvocationPolicy }) => {
    const webhook = webhooks.find((candidate) => candidate.name === name);
    expect(webhook).toMatchObject({
      clientConfig: { service: { path } },
      failurePolicy: name === 'enforce.tagpin.dev' ? 'Fail' : 'Ignore',
      sideEffects: 'None',
      reinvocationPolicy,
      rules,
      namespaceSelector: {
        matchExpressions: [
          { key: 'tagpin.dev/pin', operator: 'In', values: namespaces },
          { key: 'kubernetes.io/metadata.name', operator: 'NotIn' },
        ],
      },
    });
    expect(webhook?.timeoutSeconds).toBeLessThanOrEqual(10);
    expect(webhook?.namespaceSelector.matchExpressions[1]?.values).toEqual(
      expect.arrayContaining(['kube-system', 'tagpin-system']),
    );
  });
});

describe('the Deployment', () => {
  const { webhook: settings } = parseConfig('{}', 'default');

  test('listens where the configuration says by default', () => {
    expect(tagpin.ports).toEqual([
      { name: 'webhook', containerPort: settings.port },
      { name: 'health', containerPort: settings.healthPort },
    ]);
  });

  test('is asked for its health where it answers', () => {
    expect(tagpin.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'health' });
    expect(tagpin.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'health' });
  });

  test('gives a pod that shuts down time to drain, and to close', () => {
    const closing = parseDuration('15s') ?? Number.NaN;
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(settings.drain + closing);
  });

  test('runs two replicas, apart from each other', () => {
    expect(deployment.replicas).toBe(2);
    expect(pod.topologySpreadConstraints.map(({ topologyKey }) => topologyKey)).toContain(
      'kubernetes.io/hostname',
    );
  });

  test('is as restricted as a pod can be', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(tagpin.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });
});
