import { describe, expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace, podManifest } from '../support/namespace.ts';

const cluster = readCluster();
const images = new Images(cluster);

describe('a pod in a namespace with enforce', () => {
  test('on :latest with policy Always runs by digest, pulled IfNotPresent', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    await succeed(
      namespace.apply(podManifest({ image: app.tagged, container: { imagePullPolicy: 'Always' } })),
    );
    const pod = await namespace.running('web');
    expect(pod.spec.containers).toMatchObject([{ image: app.pinned, imagePullPolicy: 'IfNotPresent' }]);
    expect(pod.status.containerStatuses[0]?.imageID).toBe(app.pinned);
    expect(pod.metadata.annotations['tagpin.dev/images']).toBe(JSON.stringify({ app: app.tagged }));
  });

  test('runs two containers of one image, an init container and a sidecar, each by digest', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const [app, first, sidecar] = await Promise.all([images.push(), images.push(), images.push()]);
    const spec = {
      containers: [
        { name: 'one', image: app.tagged },
        { name: 'two', image: app.tagged },
      ],
      initContainers: [
        { name: 'first', image: first.tagged, command: ['/bin/sleep', '0'] },
        { name: 'sidecar', image: sidecar.tagged, restartPolicy: 'Always' },
      ],
    };
    await succeed(namespace.apply(podManifest({ image: app.tagged, spec })));
    const { spec: stored, status } = await namespace.running('web');
    expect(stored.containers.map(({ image }) => image)).toEqual([app.pinned, app.pinned]);
    expect(stored.initContainers.map(({ image }) => image)).toEqual([first.pinned, sidecar.pinned]);
    expect(status.containerStatuses.map(({ imageID }) => imageID)).toEqual([app.pinned, app.pinned]);
    expect(status.initContainerStatuses.map(({ imageID }) => imageID)).toEqual([
      first.pinned,
      sidecar.pinned,
    ]);
  });

  test('already by digest is left unchanged', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    const container = { imagePullPolicy: 'Always' };
    await succeed(namespace.apply(podManifest({ image: app.pinned, container })));
    const pod = await namespace.running('web');
    expect(pod.spec.containers).toMatchObject([{ image: app.pinned, imagePullPolicy: 'Always' }]);
    expect(pod.metadata.annotations['tagpin.dev/images']).toBeUndefined();
  });

  test('is left unchanged where its annotation says so', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    const annotations = { 'tagpin.dev/skip': 'app' };
    await succeed(namespace.apply(podManifest({ image: app.tagged, annotations })));
    expect((await namespace.running('web')).spec.containers[0]?.image).toBe(app.tagged);
  });

  test('is refused for a tag that does not exist, with a message that says what to do', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const { name } = await images.push();
    const { code, stderr } = await namespace.apply(podManifest({ image: `${name}:nope` }));
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      `container "app": ${name}:nope: not found (404 MANIFEST_UNKNOWN); push the tag or correct the image`,
    );
  });

  test('is refused for an invalid reference, with the reason', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const { code, stderr } = await namespace.apply(podManifest({ image: 'NGINX' }));
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      'container "app": invalid image reference "NGINX": a repository name has no upper-case',
    );
  });
});

describe('a pod in a namespace with best-effort', () => {
  test('runs by digest', async () => {
    await using namespace = await createNamespace(cluster, 'best-effort');
    const app = await images.push();
    await succeed(namespace.apply(podManifest({ image: app.tagged })));
    const pod = await namespace.running('web');
    expect(pod.status.containerStatuses[0]?.imageID).toBe(app.pinned);
  });

  test('with a tag that does not exist is admitted unchanged, and kubectl shows the warning', async () => {
    await using namespace = await createNamespace(cluster, 'best-effort');
    const { name } = await images.push();
    const { code, stderr } = await namespace.apply(podManifest({ image: `${name}:nope` }));
    expect(code).toBe(0);
    expect(stderr).toContain(`Warning: not pinned: container "app": ${name}:nope: not found`);
    expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(`${name}:nope`);
  });
});

test('a pod in a namespace with audit is unchanged, and kubectl shows what would have been', async () => {
  await using namespace = await createNamespace(cluster, 'audit');
  const app = await images.push();
  const { stderr } = await namespace.apply(podManifest({ image: app.tagged }));
  expect(stderr).toContain(`would be pinned to ${app.digest}`);
  expect((await namespace.running('web')).spec.containers).toMatchObject([
    { image: app.tagged, imagePullPolicy: 'Always' },
  ]);
});

test('a pod in a namespace without the label is untouched', async () => {
  await using namespace = await createNamespace(cluster);
  const app = await images.push();
  const { stderr } = await namespace.apply(podManifest({ image: app.tagged }));
  const pod = await namespace.running('web');
  expect(pod.spec.containers).toMatchObject([{ image: app.tagged, imagePullPolicy: 'Always' }]);
  expect(pod.metadata.annotations).not.toHaveProperty('tagpin.dev/images');
  expect(stderr).toBe('');
});

describe('a pod that only looks exempt is pinned or refused under enforce', () => {
  test('a pod that calls itself a mirror pod', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const { name } = await images.push();
    const annotations = { 'kubernetes.io/config.mirror': 'not-a-node' };
    const { code, stderr } = await namespace.apply(podManifest({ image: `${name}:nope`, annotations }));
    expect(code).not.toBe(0);
    expect(stderr).toContain('not found');
  });

  test('a pod created with a deletionTimestamp', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    const manifest = podManifest({ image: app.tagged });
    const metadata = { name: 'web', deletionTimestamp: '2026-01-01T00:00:00Z' };
    await succeed(
      namespace.kubectl(
        ['create', '--validate=false', '--filename', '-'],
        JSON.stringify({ ...manifest, metadata }),
      ),
    );
    expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
  });
});
