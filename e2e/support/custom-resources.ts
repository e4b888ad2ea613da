import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import type { Manifest } from './namespace.ts';

/**
 * CustomResourceDefinitions of projects that the cluster doesn't have, so that the API server validates their objects.
 * Those of cert-manager list the fields that tagpin's manifests use, with their types (cert-manager
 * pkg/apis/certmanager/v1), so an unknown field is refused; those of prometheus-operator accept anything in their spec.
 */
const kinds = [
  kind('cert-manager.io', 'v1', 'Issuer', 'issuers', {
    type: 'object',
    properties: {
      selfSigned: { type: 'object' },
      ca: { type: 'object', required: ['secretName'], properties: { secretName: { type: 'string' } } },
    },
  }),
  kind('cert-manager.io', 'v1', 'Certificate', 'certificates', {
    type: 'object',
    required: ['issuerRef', 'secretName'],
    properties: {
      isCA: { type: 'boolean' },
      commonName: { type: 'string', maxLength: 64 },
      dnsNames: { type: 'array', items: { type: 'string' } },
      secretName: { type: 'string' },
      duration: { type: 'string', pattern: '^([0-9]+(h|m|s))+$' },
      renewBefore: { type: 'string', pattern: '^([0-9]+(h|m|s))+$' },
      privateKey: {
        type: 'object',
        properties: {
          algorithm: { type: 'string', enum: ['RSA', 'ECDSA', 'Ed25519'] },
          size: { type: 'integer' },
          rotationPolicy: { type: 'string', enum: ['Never', 'Always'] },
        },
      },
      issuerRef: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, kind: { type: 'string' }, group: { type: 'string' } },
      },
    },
  }),
  kind('monitoring.coreos.com', 'v1', 'ServiceMonitor', 'servicemonitors', anything()),
  kind('monitoring.coreos.com', 'v1', 'PodMonitor', 'podmonitors', anything()),
  kind('monitoring.coreos.com', 'v1', 'PrometheusRule', 'prometheusrules', anything()),
];

function anything(): Manifest {
  return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
}

function kind(group: string, version: string, name: string, plural: string, spec: Manifest) {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: name, plural, singular: name.toLowerCase(), listKind: `${name}List` },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  };
}

/** Creates them at the API server. */
export async function defineCustomResources(cluster: Cluster): Promise<void> {
  const kubectl = [cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig];
  const input = kinds.map((each) => JSON.stringify(each)).join('\n');
  await succeed(run([...kubectl, 'apply', '--filename', '-'], { input }));
  const names = kinds.map(({ metadata }) => `customresourcedefinition/${metadata.name}`);
  await succeed(run([...kubectl, 'wait', '--for=condition=Established', '--timeout=30s', ...names]));
}
