import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { createAuthority } from '../../../test/support/authority.ts';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { defineCustomResources } from '../../support/custom-resources.ts';
import { type Reader, readerOf } from '../../support/document.ts';
import { Images } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import { createNamespace, podManifest, pullSecretManifest } from '../../support/namespace.ts';

const cluster = readCluster();
const installation = installationOf(cluster);
const { kubectl } = installation;
const images = new Images(cluster);
const spec = { schedulerName: 'none' };
let reader: Reader;

const sh = (commands: string) => succeed(reader.run(commands));
const rolledOut = 'kubectl -n tagpin-system rollout status deployment/tagpin --timeout=120s';

/** Installs an overlay with components over the existing installation. */
const install = (overlay: string, components: readonly string[], more = '') =>
  sh(`mkdir -p platform
cat >platform/kustomization.yaml <<'END'
${stringify({
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  resources: [`../manifests/overlays/${overlay}`],
  components: components.map((name) => `../manifests/components/${name}`),
})}
END
${more}
kubectl apply -k platform
kubectl -n tagpin-system rollout restart deployment/tagpin
${rolledOut}`);

/** Whether a pod with the image by tag is pinned. */
async function expectPinned(): Promise<void> {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  await succeed(namespace.apply(podManifest({ image: app.tagged, spec })));
  expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
}

beforeAll(() => {
  reader = readerOf(cluster, installation.folder);
});
afterAll(async () => {
  await succeed(
    kubectl('delete', '--kustomize', installation.folder, '--timeout=120s', '--ignore-not-found'),
  );
  await installation.restore();
}, 300_000);

describe('with the component namespaced-secrets', () => {
  beforeAll(
    () => install('default', ['namespaced-secrets'], 'kubectl delete clusterrolebinding tagpin-pull-secrets'),
    180_000,
  );
  afterAll(() => installation.restore(), 180_000);

  test('tagpin reads the pull secrets of a namespace that allows it, and names the missing permission in another', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.pushPrivate();
    const secret = pullSecretManifest('pull', cluster.privateRegistry, cluster.account);
    const pod = podManifest({ image: app.tagged, spec: { ...spec, imagePullSecrets: [{ name: 'pull' }] } });
    await succeed(namespace.apply(secret));
    const { code, stderr } = await namespace.apply(pod);
    expect(code).not.toBe(0);
    expect(stderr).toContain('secrets "pull" is forbidden');
    await sh(`kubectl apply -n ${namespace.name} -f manifests/components/namespaced-secrets/binding.yaml`);
    await expect.poll(async () => (await namespace.apply(pod)).code, { timeout: 20_000 }).toBe(0);
    expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
  });
});

describe('with the component mirrors', () => {
  beforeAll(async () => {
    const hosts = `server = "https://registry-1.docker.io"
[host."https://${cluster.openRegistry}"]
  capabilities = ["pull", "resolve"]
  ca = "/etc/tagpin/ca.crt"
`;
    await install(
      'default',
      ['mirrors'],
      `cat >manifests/components/mirrors/docker.io.toml <<'END'\n${hosts}END`,
    );
  }, 180_000);

  test('an image of Docker Hub is resolved at its mirror', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push(`library/app-${namespace.name}`);
    const written = `app-${namespace.name}`;
    await succeed(namespace.apply(podManifest({ image: written, spec })));
    expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(`${written}@${app.digest}`);
  });
});

describe('with the overlay single-node', () => {
  test('one replica pins', async () => {
    await install('single-node', []);
    const replicas = ['get', 'deployment', 'tagpin', '--output=jsonpath={.spec.replicas}'];
    expect(await succeed(kubectl(...replicas))).toBe('1');
    await expectPinned();
  }, 180_000);
});

describe('with the overlay cert-manager', () => {
  const name = 'tagpin.tagpin-system.svc';

  beforeAll(async () => {
    await succeed(
      kubectl('delete', '--kustomize', installation.folder, '--timeout=120s', '--ignore-not-found'),
    );
    await defineCustomResources(cluster);
    await sh('kubectl apply -k manifests/overlays/cert-manager');
  }, 240_000);

  test('tagpin serves the mounted certificate, and may not write Secrets', async () => {
    // As cert-manager does.
    const authority = await createAuthority('cert-manager');
    const { cert, key } = await authority.issue([name]);
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'tagpin-tls', namespace: 'tagpin-system' },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.caPem },
    };
    await sh(`kubectl apply -f - <<'END'\n${JSON.stringify(secret)}\nEND\n${rolledOut}`);
    // As its cainjector does.
    const caBundle = Buffer.from(authority.caPem).toString('base64');
    const patch = Array.from({ length: 7 }, (_, index) => ({
      op: 'add',
      path: `/webhooks/${index}/clientConfig/caBundle`,
      value: caBundle,
    }));
    const configuration = ['mutatingwebhookconfiguration', 'tagpin'];
    await succeed(kubectl('patch', ...configuration, '--type=json', `--patch=${JSON.stringify(patch)}`));
    await expect.poll(async () => expectPinned().then(() => true, String), { timeout: 20_000 }).toBe(true);
    const account = '--as=system:serviceaccount:tagpin-system:tagpin';
    const { stdout } = await kubectl('auth', 'can-i', 'patch', 'secrets', account);
    expect(stdout.trim()).toBe('no');
  }, 240_000);
});
