import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { injectSidecars } from '../../support/injector.ts';
import { installationOf } from '../../support/installation.ts';
import { compose } from '../../support/kustomization.ts';
import { createNamespace, type Manifest, type Namespace, podManifest } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';

const cluster = readCluster();
const installation = installationOf(cluster);
const images = new Images(cluster);
/** These tests look only at admission. */
const spec = { schedulerName: 'none' };
const TAG = 'registry.example.com/app:1.2';
const DIGEST = `registry.example.com/app@sha256:${'a'.repeat(64)}`;

const refusal = (place: string, image = TAG) =>
  `${place}: ${image} is by tag, and the namespace says tagpin.dev/pin=enforce`;

/** Whether the policy is in effect, in a namespace that the webhook ignores. */
async function untilItRefuses(): Promise<void> {
  await using namespace = await createNamespace(cluster, 'enforce');
  await until('the guard to refuse', async () => {
    const dryRun = await namespace.kubectl(
      ['create', '--dry-run=server', '--filename', '-'],
      JSON.stringify(podManifest({ image: TAG, spec })),
    );
    return dryRun.stderr.includes('ValidatingAdmissionPolicy') || undefined;
  });
}

const removeWebhook = () => succeed(installation.kubectl('delete', 'mutatingwebhookconfiguration', 'tagpin'));

async function expectRefused(namespace: Namespace, pod: Manifest, message: string): Promise<void> {
  const { code, stderr } = await namespace.apply(pod);
  expect(stderr).toContain(
    "ValidatingAdmissionPolicy 'tagpin-guard' with binding 'tagpin-guard' denied request",
  );
  expect(stderr).toContain(message);
  expect(code).not.toBe(0);
}

/** Older than the policies. */
let mislabelled: Namespace;

beforeAll(async () => {
  mislabelled = await createNamespace(cluster);
  await succeed(mislabelled.kubectl(['label', 'namespace', mislabelled.name, 'tagpin.dev/pin=enforced']));
  const folder = compose(cluster, { base: installation.folder, components: ['guard'] });
  await succeed(installation.kubectl('apply', '--kustomize', folder));
  await until('the policy on labels to refuse', async () => {
    const dryRun = ['label', '--overwrite', '--dry-run=server', 'namespace', mislabelled.name];
    const { code } = await mislabelled.kubectl([...dryRun, 'tagpin.dev/pin=other']);
    return code !== 0 || undefined;
  });
});
afterAll(async () => {
  const policies = ['tagpin-guard', 'tagpin-label'].flatMap((name) => [
    `validatingadmissionpolicy/${name}`,
    `validatingadmissionpolicybinding/${name}`,
  ]);
  await succeed(installation.kubectl('delete', ...policies));
  await mislabelled[Symbol.asyncDispose]();
});

describe('the guard, while tagpin runs', () => {
  test('admits what tagpin has pinned, skipped or left', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    await succeed(
      namespace.apply(
        podManifest({ name: 'pinned', image: app.tagged, spec }),
        podManifest({ name: 'skipped', image: TAG, annotations: { 'tagpin.dev/skip': '*' }, spec }),
        podManifest({ name: 'never', image: TAG, container: { imagePullPolicy: 'Never' }, spec }),
      ),
    );
    expect((await namespace.pod('pinned')).spec.containers[0]?.image).toBe(app.pinned);
  });
});

describe('the policy on labels', () => {
  const label = (namespace: Namespace, ...labels: readonly string[]) =>
    namespace.kubectl(['label', '--overwrite', 'namespace', namespace.name, ...labels]);
  const refusalOf = (value: string) =>
    `metadata.labels[tagpin.dev/pin]: "${value}" means nothing to tagpin, and no pod would be pinned; ` +
    'write enforce, best-effort or audit, or remove the label';

  test.each(['enforced', 'Enforce', 'true', ''])('refuses the value "%s"', async (value) => {
    await using namespace = await createNamespace(cluster);
    const { code, stderr } = await label(namespace, `tagpin.dev/pin=${value}`);
    expect(stderr).toContain(refusalOf(value));
    expect(code).not.toBe(0);
  });

  test('refuses a namespace that is created with another value', async () => {
    const metadata = { name: 'e2e-mislabelled', labels: { 'tagpin.dev/pin': 'on' } };
    const { code, stderr } = await mislabelled.kubectl(
      ['create', '--dry-run=server', '--filename', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }),
    );
    expect(stderr).toContain(refusalOf('on'));
    expect(code).not.toBe(0);
  });

  test.each(['enforce', 'best-effort', 'audit'])('admits %s, and removing the label', async (mode) => {
    await using namespace = await createNamespace(cluster);
    await succeed(label(namespace, `tagpin.dev/pin=${mode}`));
    await succeed(label(namespace, 'tagpin.dev/pin-'));
    await succeed(label(namespace, 'team=blue'));
  });

  test('admits other changes of a namespace that has a wrong value already, and its correction', async () => {
    await succeed(label(mislabelled, 'team=blue'));
    expect((await label(mislabelled, 'tagpin.dev/pin=audited')).stderr).toContain(refusalOf('audited'));
    await succeed(label(mislabelled, 'tagpin.dev/pin=audit'));
  });
});

test("the guard refuses a tag that a webhook adds after tagpin wasn't called for a pod by digest", async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  await using _ = await injectSidecars(cluster, namespace, TAG);
  await until('the sidecar to be added', async () => {
    const pod = podManifest({ image: DIGEST, spec });
    const { stderr } = await namespace.kubectl(
      ['create', '--dry-run=server', '--filename', '-'],
      JSON.stringify(pod),
    );
    return stderr.includes(refusal('container "sidecar"')) || undefined;
  });
  await expectRefused(namespace, podManifest({ image: DIGEST, spec }), refusal('container "sidecar"'));
});

describe('the guard, when the webhook configuration has been deleted', () => {
  beforeAll(async () => {
    await removeWebhook();
    await untilItRefuses();
  });
  afterAll(() => installation.restore(), 120_000);

  test.each<[string, Manifest]>([
    ['container "app"', podManifest({ image: TAG, spec })],
    [
      'init container "first"',
      podManifest({ image: DIGEST, spec: { ...spec, initContainers: [{ name: 'first', image: TAG }] } }),
    ],
    [
      'init container "sidecar"',
      podManifest({
        image: DIGEST,
        spec: { ...spec, initContainers: [{ name: 'sidecar', image: TAG, restartPolicy: 'Always' }] },
      }),
    ],
    [
      'image volume "data"',
      podManifest({
        image: DIGEST,
        spec: { ...spec, volumes: [{ name: 'data', image: { reference: TAG } }] },
      }),
    ],
  ])('refuses a pod with a tag in %s', async (place, pod) => {
    await using namespace = await createNamespace(cluster, 'enforce');
    await expectRefused(namespace, pod, refusal(place));
  });

  test.each([`app@sha256:${'a'.repeat(63)}`, `app@sha256:${'a'.repeat(64)}:1.2`, 'app@sha256:latest'])(
    'refuses %s, which is no digest',
    async (image) => {
      await using namespace = await createNamespace(cluster, 'enforce');
      await expectRefused(namespace, podManifest({ image, spec }), refusal('container "app"', image));
    },
  );

  test.each([DIGEST, `app:1.2@sha256:${'0'.repeat(64)}`, `app@sha512:${'0'.repeat(128)}`])(
    'admits %s',
    async (image) => {
      await using namespace = await createNamespace(cluster, 'enforce');
      await succeed(namespace.apply(podManifest({ image, spec })));
    },
  );

  test('admits containers skipped by name, and no others of that pod', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const initContainers = [{ name: 'first', image: TAG }];
    const pod = (skip: string) =>
      podManifest({
        image: TAG,
        annotations: { 'tagpin.dev/skip': skip },
        spec: { ...spec, initContainers },
      });
    await expectRefused(namespace, pod('first'), refusal('container "app"'));
    await succeed(namespace.apply(pod(' first ,app')));
  });

  test('admits an image that is never pulled', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    await succeed(
      namespace.apply(podManifest({ image: TAG, container: { imagePullPolicy: 'Never' }, spec })),
    );
  });

  test.each(['best-effort', 'audit', undefined] as const)(
    'admits everything if the label is %s',
    async (mode) => {
      await using namespace = await createNamespace(cluster, mode);
      await succeed(namespace.apply(podManifest({ image: TAG, spec })));
    },
  );

  test('reports on the Deployment why it has no pods', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    await succeed(namespace.kubectl(['create', 'deployment', 'web', `--image=${TAG}`]));
    const event = await until('the event', async () => {
      const { stdout } = await namespace.kubectl(['get', 'events', '--field-selector=reason=FailedCreate']);
      return stdout.includes('tagpin-guard') ? stdout : undefined;
    });
    expect(event).toContain(refusal('container "app"'));
  });

  describe('with a pod older than the label', () => {
    async function withOldPod() {
      const namespace = await createNamespace(cluster);
      await succeed(namespace.apply(podManifest({ image: TAG, spec })));
      await succeed(namespace.kubectl(['label', 'namespace', namespace.name, 'tagpin.dev/pin=enforce']));
      return namespace;
    }

    test('admits labels, patches and deletion', async () => {
      await using namespace = await withOldPod();
      await succeed(namespace.kubectl(['label', 'pod', 'web', 'team=blue']));
      const patch = JSON.stringify({ spec: { activeDeadlineSeconds: 600 } });
      await succeed(namespace.kubectl(['patch', 'pod', 'web', `--patch=${patch}`]));
      await succeed(namespace.kubectl(['delete', 'pod', 'web', '--timeout=30s']));
    });

    test('admits a change of its image to a digest, but not to another tag', async () => {
      await using namespace = await withOldPod();
      const { code, stderr } = await namespace.kubectl(['set', 'image', 'pod/web', `app=${TAG}3`]);
      expect(stderr).toContain(refusal('container "app"', `${TAG}3`));
      expect(code).not.toBe(0);
      await succeed(namespace.kubectl(['set', 'image', 'pod/web', `app=${DIGEST}`]));
    });

    test('admits an ephemeral container by digest, but not by tag', async () => {
      await using namespace = await withOldPod();
      const debug = (image: string) =>
        namespace.kubectl(['debug', 'web', '--profile=general', `--image=${image}`, '--container=debug']);
      const { code, stderr } = await debug(TAG);
      expect(stderr).toContain(refusal('ephemeral container "debug"'));
      expect(code).not.toBe(0);
      await succeed(debug(DIGEST));
    });
  });

  describe('with a mirror pod', () => {
    const mirror = { 'kubernetes.io/config.mirror': 'a', 'kubernetes.io/config.hash': 'a' };
    const pod = podManifest({ image: TAG, annotations: mirror, spec: { nodeName: 'e2e' } });
    const create = ['create', '--filename', '-'];

    test('admits it if a node creates it', async () => {
      await using namespace = await createNamespace(cluster, 'enforce');
      const asNode = ['--as=system:node:e2e', '--as-group=system:nodes'];
      await succeed(namespace.kubectl([...create, ...asNode], JSON.stringify(pod)));
      await succeed(namespace.kubectl(['delete', 'pod', 'web', '--force', '--grace-period=0']));
    });

    test('refuses it if anyone else creates it', async () => {
      await using namespace = await createNamespace(cluster, 'enforce');
      await expectRefused(namespace, pod, refusal('container "app"'));
    });
  });

  describe("configured with tagpin's own skip patterns", () => {
    const policy = ['validatingadmissionpolicy', 'tagpin-guard', '--type=json'];
    const tell = (...expressions: readonly string[]) =>
      succeed(
        installation.kubectl(
          'patch',
          ...policy,
          `--patch=${JSON.stringify(
            expressions.map((value, index) => ({
              op: 'replace',
              path: `/spec/variables/${index}/expression`,
              value,
            })),
          )}`,
        ),
      );
    beforeAll(() => tell('["^registry[.]example[.]com/"]', 'false'));
    afterAll(() => tell('[]', 'true'));

    test('admits matching images, and ignores the annotation', async () => {
      await using namespace = await createNamespace(cluster, 'enforce');
      await until('the policy to have changed', async () => {
        const { code } = await namespace.apply(podManifest({ image: TAG, spec }));
        return code === 0 || undefined;
      });
      const skipped = { 'tagpin.dev/skip': '*' };
      await expectRefused(
        namespace,
        podManifest({ name: 'other', image: 'other.example.com/app:1', annotations: skipped, spec }),
        refusal('container "app"', 'other.example.com/app:1'),
      );
    });
  });

  describe('with a pod of 100 containers', () => {
    const crowd = (image: (index: number) => string) => ({
      ...spec,
      containers: Array.from({ length: 100 }, (_, index) => ({ name: `app-${index}`, image: image(index) })),
    });

    test('admits it by digest', async () => {
      await using namespace = await createNamespace(cluster, 'enforce');
      await succeed(namespace.apply(podManifest({ image: DIGEST, spec: crowd(() => DIGEST) })));
    });

    test('refuses it if the last one has a tag', async () => {
      await using namespace = await createNamespace(cluster, 'enforce');
      const pod = podManifest({ image: TAG, spec: crowd((index) => (index === 99 ? TAG : DIGEST)) });
      await expectRefused(namespace, pod, refusal('container "app-99"'));
    });

    test('admits labels on an older one with tags', async () => {
      await using namespace = await createNamespace(cluster);
      await succeed(namespace.apply(podManifest({ image: TAG, spec: crowd((index) => `${TAG}.${index}`) })));
      await succeed(namespace.kubectl(['label', 'namespace', namespace.name, 'tagpin.dev/pin=enforce']));
      await succeed(namespace.kubectl(['label', 'pod', 'web', 'team=blue']));
    });
  });
});

test('once the webhook is back, pods are pinned and admitted again', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  await succeed(namespace.apply(podManifest({ image: app.tagged, spec })));
  expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
});
