import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { chart, helmOf } from '../support/helm.ts';
import { compose, type KubernetesObject, objectsIn, render } from '../support/kustomization.ts';
import type { Manifest } from '../support/namespace.ts';

const cluster = readCluster();
const helm = helmOf(cluster);
const template = (values: Manifest = {}, kubernetes = '1.36.0') =>
  helm(['template', 'tagpin', chart, `--kube-version=${kubernetes}`], values);

/** Lists in a pod whose order doesn't matter: patches add new items first. */
const unordered = new Set(['env', 'volumes', 'volumeMounts']);
const named = z.array(z.looseObject({ name: z.string() }));

/** Replaces the hashes in names: kustomize and the chart compute them differently. */
const withoutHashes = (text: string) =>
  text.replaceAll(/\b(tagpin-(?:config|hosts))-[a-z0-9]{10}\b/g, '$1-HASH');
/** Only Helm deletes what a new version no longer has. */
const kept = JSON.stringify({ 'helm.sh/resource-policy': 'keep' });

/** The objects by kind and name. `helm install --create-namespace` creates the namespace. */
function byName(objects: readonly KubernetesObject[]) {
  const comparable = (key: string, value: unknown) => {
    if (key === 'annotations' && JSON.stringify(value) === kept) return undefined;
    return unordered.has(key) ? named.parse(value).sort((a, b) => a.name.localeCompare(b.name)) : value;
  };
  return Object.fromEntries(
    objects
      .filter(({ kind }) => kind !== 'Namespace')
      .map((object): [string, unknown] => [
        withoutHashes(`${object.kind} ${object.metadata.name}`),
        JSON.parse(withoutHashes(JSON.stringify(object)), comparable),
      ]),
  );
}

const mirror = join(import.meta.dirname, '../../manifests/components/mirrors/docker.io.toml');
const hosts = { 'docker.io': readFileSync(mirror, 'utf8') };

/** The same configuration with kustomize and with the chart. */
const alike: { base: string; components: string[]; values: Manifest }[] = [
  { base: 'default', components: [], values: {} },
  { base: 'cert-manager', components: [], values: { certificate: 'cert-manager' } },
  { base: 'single-node', components: [], values: { replicas: 1 } },
  { base: 'default', components: ['guard'], values: { guard: { enabled: true } } },
  {
    base: 'default',
    components: ['known-rollouts'],
    values: { knownRollouts: { enabled: true } },
  },
  {
    base: 'default',
    components: ['network-policy'],
    values: { networkPolicy: { enabled: true, apiServer: ['10.0.0.1/32'] } },
  },
  { base: 'default', components: ['called-first'], values: { calledFirst: true } },
  {
    base: 'cert-manager',
    components: ['called-first'],
    values: { certificate: 'cert-manager', calledFirst: true },
  },
  { base: 'default', components: ['other-digests'], values: { otherDigests: { enabled: true } } },
  { base: 'default', components: ['mirrors'], values: { hosts } },
  { base: 'default', components: ['monitoring'], values: { monitoring: { enabled: true } } },
  { base: 'default', components: ['namespaced-secrets'], values: { namespacedSecrets: { enabled: true } } },
  {
    base: 'default',
    components: ['ecr'],
    values: {
      serviceAccount: {
        annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/tagpin' },
      },
      env: [{ name: 'AWS_EC2_METADATA_DISABLED', value: 'true' }],
    },
  },
  {
    base: 'default',
    components: ['google'],
    values: {
      serviceAccount: {
        annotations: { 'iam.gke.io/gcp-service-account': 'tagpin@my-project.iam.gserviceaccount.com' },
      },
      nodeSelector: { 'iam.gke.io/gke-metadata-server-enabled': 'true' },
    },
  },
  {
    base: 'default',
    components: ['azure'],
    values: {
      serviceAccount: {
        annotations: { 'azure.workload.identity/client-id': '00000000-0000-0000-0000-000000000000' },
      },
      podLabels: { 'azure.workload.identity/use': 'true' },
    },
  },
];

describe('the chart installs the same as kustomize:', () => {
  for (const { base, components, values } of alike)
    test([base, ...components].join(' with '), async () => {
      const kustomized = await render(cluster, compose(cluster, { base, components }));
      const templated = objectsIn(await succeed(template(values)));
      expect(byName(templated)).toEqual(byName(kustomized));
    });
});

describe('the chart', () => {
  test('has the version of the package', () => {
    const version = z.object({ version: z.string() });
    const read = (file: string) => readFileSync(join(chart, file), 'utf8');
    const { version: released } = version.parse(JSON.parse(read('../../package.json')));
    expect(read('Chart.yaml')).toContain(`\nversion: ${released}\nappVersion: ${released}\n`);
  });

  test('passes helm lint', async () => {
    await succeed(helm(['lint', '--strict', chart]));
  });

  test.each<[string, Manifest, string]>([
    ['an unknown key', { replica: 3 }, "additional properties 'replica' not allowed"],
    ['no replica', { replicas: 0 }, '/replicas'],
    ['a certificate of nobody', { certificate: 'vault' }, '/certificate'],
    [
      'a key that the configuration does not have',
      { config: { cache: { ages: '5s' } } },
      "at '/config/cache': additional properties 'ages' not allowed",
    ],
    [
      'a value that it does not take',
      { config: { cache: { age: '5 s' } } },
      "at '/config/cache/age': '5 s' does not match pattern",
    ],
    ['a network policy without addresses', { networkPolicy: { enabled: true } }, '/networkPolicy/apiServer'],
    [
      'a guard that knows nothing of pin.skip',
      { guard: { enabled: true }, config: { pin: { skip: ['quay.io/**'] } } },
      "guard.skipImages isn't",
    ],
  ])('refuses %s', async (_, values, told) => {
    const { code, stderr } = await template(values);
    expect(stderr).toContain(told);
    expect(code).not.toBe(0);
  });

  test("configures the guard with the configuration's skip settings", async () => {
    const objects = objectsIn(
      await succeed(
        template({
          guard: { enabled: true, skipImages: ['^quay[.]io/'] },
          config: { pin: { skip: ['quay.io/**'], skipAnnotation: ['audit'] } },
        }),
      ),
    );
    const policy = objects.find(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    expect(policy).toMatchObject({
      spec: {
        variables: expect.arrayContaining([
          { name: 'skipImages', expression: '["^quay[.]io/"]' },
          { name: 'skipAnnotation', expression: 'false' },
        ]),
      },
    });
  });

  test('has no policies for known rollouts below Kubernetes 1.36, and says so', async () => {
    const { code, stderr } = await template({ knownRollouts: { enabled: true } }, '1.35.9');
    expect(stderr).toContain('knownRollouts needs Kubernetes 1.36 or later, and this is v1.35.9');
    expect(code).not.toBe(0);
    await succeed(template({}, '1.35.9'));
  });

  test('lets the policies for known rollouts repeat what the configuration says of pinning', async () => {
    const pin = { keepTag: true, pullPolicy: 'keep', skipAnnotation: ['audit'] };
    const objects = objectsIn(await succeed(template({ knownRollouts: { enabled: true }, config: { pin } })));
    const policies = objects.filter(({ metadata }) => metadata.name.startsWith('tagpin-known-'));
    expect(policies).toHaveLength(6);
    for (const policy of policies.filter(({ kind }) => kind === 'MutatingAdmissionPolicy'))
      expect(policy).toMatchObject({
        spec: {
          variables: expect.arrayContaining([
            { name: 'keepTag', expression: 'true' },
            { name: 'pullPolicy', expression: "'keep'" },
            { name: 'skipAnnotation', expression: '["audit"]' },
          ]),
        },
      });
  });

  test.each<[string, Manifest, Manifest]>([
    ['configuration', { config: { cache: { age: '5s' } } }, { config: { cache: { age: '6s' } } }],
    ['files beside it', { configFiles: { 'ca.crt': 'one' } }, { configFiles: { 'ca.crt': 'two' } }],
    ['mirrors', { hosts: { 'docker.io': 'one' } }, { hosts: { 'docker.io': 'two' } }],
  ])('starts other pods with other %s, by ConfigMaps of other names', async (_, one, other) => {
    const of = async (values: Manifest) => {
      const objects = objectsIn(await succeed(template(values)));
      const maps = objects.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name);
      const deployment = JSON.stringify(objects.find(({ kind }) => kind === 'Deployment'));
      for (const name of maps) expect(deployment).toContain(`"configMap":{"name":"${name}"`);
      return maps;
    };
    expect(await of(one)).toEqual(await of(one));
    expect(await of(one)).not.toEqual(await of(other));
  });
});
