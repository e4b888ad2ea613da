import { describe, expect, test } from 'vitest';
import { findLeaks } from '../../test/support/secrets/search.ts';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace, podManifest, pullSecretManifest } from '../support/namespace.ts';

const cluster = readCluster();
const images = new Images(cluster);
const secret = pullSecretManifest('registry', cluster.privateRegistry, cluster.account);

describe('a private image runs by digest', () => {
  test("with the pod's own pull secret", async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.pushPrivate();
    await succeed(
      namespace.apply(
        secret,
        podManifest({ image: app.tagged, spec: { imagePullSecrets: [{ name: 'registry' }] } }),
      ),
    );
    const pod = await namespace.running('web');
    expect(pod.spec.containers[0]?.image).toBe(app.pinned);
    expect(pod.status.containerStatuses[0]?.imageID).toBe(app.pinned);
  });

  test("with the default ServiceAccount's", async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.pushPrivate();
    await succeed(namespace.apply(secret));
    const patch = JSON.stringify({ imagePullSecrets: [{ name: 'registry' }] });
    await succeed(namespace.kubectl(['patch', 'serviceaccount', 'default', '--patch', patch]));
    await succeed(namespace.apply(podManifest({ image: app.tagged })));
    const pod = await namespace.running('web');
    expect(pod.status.containerStatuses[0]?.imageID).toBe(app.pinned);
  });

  test('with the right one of two secrets', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.pushPrivate();
    const wrong = pullSecretManifest('wrong', cluster.privateRegistry, {
      username: 'puller',
      password: 'no',
    });
    const imagePullSecrets = [{ name: 'wrong' }, { name: 'registry' }];
    await succeed(
      namespace.apply(wrong, secret, podManifest({ image: app.tagged, spec: { imagePullSecrets } })),
    );
    const pod = await namespace.running('web');
    expect(pod.status.containerStatuses[0]?.imageID).toBe(app.pinned);
  });
});

describe('a private image whose secret is missing', () => {
  const spec = { imagePullSecrets: [{ name: 'forgotten' }] };

  test('is refused under enforce, which says why', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.pushPrivate();
    const { code, stderr } = await namespace.apply(podManifest({ image: app.tagged, spec }));
    expect(code).not.toBe(0);
    expect(stderr).toContain(`container "app": ${app.tagged}: `);
    expect(stderr).toContain('401');
    expect(stderr).toContain('forgotten');
  });

  test('is admitted under best-effort, with the same message as a warning', async () => {
    await using namespace = await createNamespace(cluster, 'best-effort');
    const app = await images.pushPrivate();
    const { code, stderr } = await namespace.apply(podManifest({ image: app.tagged, spec }));
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Warning: not pinned: container "app": .*401.*forgotten/m);
    expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.tagged);
  });

  test('is refused under enforce even after another namespace has resolved it', async () => {
    await using granted = await createNamespace(cluster, 'enforce');
    await using other = await createNamespace(cluster, 'enforce');
    const app = await images.pushPrivate();
    const imagePullSecrets = [{ name: 'registry' }];
    await succeed(granted.apply(secret, podManifest({ image: app.tagged, spec: { imagePullSecrets } })));
    expect((await other.apply(podManifest({ image: app.tagged }))).stderr).toContain('401');
  });
});

test('no log, metric, message or annotation contains a password or its key', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const app = await images.pushPrivate();
  const pod = (name: string, image: string) =>
    podManifest({ name, image, spec: { imagePullSecrets: [{ name: 'registry' }] } });
  await succeed(namespace.apply(secret, pod('web', app.tagged)));
  const refused = await namespace.apply(pod('absent', `${app.name}:absent`));
  expect(refused.stderr).toContain('not found');

  const selector = ['--namespace', 'tagpin-system', '--selector', 'app.kubernetes.io/name=tagpin'];
  const [logs, objects, pods, own] = await Promise.all(
    [
      ['logs', ...selector, '--tail=-1'],
      ['get', 'pods,replicasets,events', '--all-namespaces', '--output=yaml'],
      ['get', 'pods', ...selector, '--output=jsonpath={.items[*].metadata.name}'],
      [
        'get',
        'secret',
        'tagpin-certificate',
        '--namespace=tagpin-system',
        '--output=jsonpath={.data.tls\\.key}',
      ],
    ].map((args) => succeed(namespace.kubectl(args))),
  );
  const metrics = await Promise.all(
    (pods ?? '').split(' ').map((name) => {
      const path = `/api/v1/namespaces/tagpin-system/pods/${name}:8080/proxy/metrics`;
      return succeed(namespace.kubectl(['get', '--raw', path]));
    }),
  );
  const [, key = ''] = Buffer.from(own ?? '', 'base64')
    .toString()
    .split('\n');
  expect(key).toMatch(/^\S{20,}$/);
  const said = { logs: `${logs}`, objects: `${objects}`, metrics: metrics.join(), message: refused.stderr };
  expect(said.logs).toContain(app.digest);
  expect(said.metrics).toContain('tagpin_images_total');
  const leaks = findLeaks({
    secrets: [cluster.account.password, key],
    said: Object.entries(said).map(([by, text]) => ({ by, text })),
  });
  expect(leaks.map(({ by, excerpt }) => `${by}: ${excerpt}`)).toEqual([]);
});
