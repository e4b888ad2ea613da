import { expect, test } from 'vitest';
import { z } from 'zod';
import { readManifest } from './read.ts';

const ports = z.array(z.object({ protocol: z.string(), port: z.union([z.string(), z.number()]) }));
const { spec: policy } = readManifest(
  'components/network-policy/network-policy.yaml',
  'NetworkPolicy',
  z.object({
    spec: z.object({
      podSelector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
      policyTypes: z.array(z.string()),
      ingress: z.array(z.object({ ports })),
      egress: z.array(z.object({ ports })),
    }),
  }),
);
const { spec: deployment } = readManifest(
  'base/deployment.yaml',
  'Deployment',
  z.object({
    spec: z.object({
      selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
      template: z.object({
        spec: z.object({
          containers: z.tuple([z.object({ ports: z.array(z.object({ name: z.string() })) })]),
        }),
      }),
    }),
  }),
);

test('the network policy is about tagpin, both ways', () => {
  expect(policy.podSelector).toEqual(deployment.selector);
  expect(policy.policyTypes).toEqual(['Ingress', 'Egress']);
});

test('it opens each port of tagpin once, to those whom it is for', () => {
  const opened = policy.ingress.map((rule) => rule.ports.map(({ port }) => port));
  const [{ ports: served }] = deployment.template.spec.containers;
  expect(opened).toEqual(served.map(({ name }) => [name]));
});

test('it lets tagpin out to the API server, to DNS and to registries', () => {
  expect(policy.egress.map((rule) => rule.ports.map(({ protocol, port }) => `${protocol} ${port}`))).toEqual([
    ['TCP 443', 'TCP 6443'],
    ['UDP 53', 'TCP 53'],
    ['TCP 443'],
  ]);
});
