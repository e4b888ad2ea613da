import { describe, expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images } from '../support/images.ts';
import { createNamespace, podManifest } from '../support/namespace.ts';
import { until } from '../support/until.ts';

const cluster = readCluster();
const images = new Images(cluster);

/** A namespace with a pod that is never scheduled: these tests look only at admission. */
async function withPod(container = {}) {
  const namespace = await createNamespace(cluster, 'enforce');
  const app = await images.push();
  const manifest = podManifest({ image: app.tagged, container, spec: { schedulerName: 'none' } });
  await succeed(namespace.apply(manifest));
  const image = async () => (await namespace.pod('web')).spec.containers[0]?.image;
  const setImage = (to: string) => succeed(namespace.kubectl(['set', 'image', 'pod/web', `app=${to}`]));
  return { namespace, app, manifest, image, setImage };
}

describe('an update of a pinned pod', () => {
  test('to another image pins that, and leaves the pull policy', async () => {
    const { namespace, setImage } = await withPod();
    await using _ = namespace;
    const other = await images.push(undefined, '2.0');
    await setImage(other.tagged);
    const { spec, metadata } = await namespace.pod('web');
    expect(spec.containers).toMatchObject([{ image: other.pinned, imagePullPolicy: 'IfNotPresent' }]);
    expect(metadata.annotations['tagpin.dev/images']).toBe(JSON.stringify({ app: other.tagged }));
  });

  test('back to the tag it was pinned from restores its digest, although the tag has moved', async () => {
    const { namespace, app, image, setImage } = await withPod();
    await using _ = namespace;
    await images.push(app.name.split('/')[1]);
    await setImage(app.tagged);
    expect(await image()).toBe(app.pinned);
  });

  test('to a tag that does not exist is refused', async () => {
    const { namespace, app, image } = await withPod();
    await using _ = namespace;
    const { code, stderr } = await namespace.kubectl(['set', 'image', 'pod/web', `app=${app.name}:nope`]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('not found');
    expect(await image()).toBe(app.pinned);
  });

  test('of its labels is never refused', async () => {
    const { namespace } = await withPod();
    await using _ = namespace;
    await succeed(namespace.kubectl(['label', 'pod', 'web', 'team=blue']));
  });
});

test('a pod older than the opt-in is unchanged, and can still be updated', async () => {
  await using namespace = await createNamespace(cluster);
  await succeed(
    namespace.apply(podManifest({ image: 'NOT A REFERENCE:x', spec: { schedulerName: 'none' } })),
  );
  const optIn = ['label', 'namespace', namespace.name, 'tagpin.dev/pin=enforce'];
  await succeed(namespace.kubectl(optIn));
  await succeed(namespace.kubectl(['label', 'pod', 'web', 'team=blue']));
  expect((await namespace.pod('web')).spec.containers[0]?.image).toBe('NOT A REFERENCE:x');
});

describe('the same manifest applied again after its tag has moved', () => {
  for (const imagePullPolicy of [undefined, 'Always'])
    test(`by kubectl apply keeps the pod at its digest, with ${imagePullPolicy ?? 'no'} policy written`, async () => {
      const { namespace, app, manifest, image } = await withPod(imagePullPolicy && { imagePullPolicy });
      await using _ = namespace;
      await images.push(app.name.split('/')[1]);
      await succeed(namespace.apply(manifest));
      expect(await image()).toBe(app.pinned);
    });

  test('shows no difference in kubectl diff', async () => {
    const { namespace, app, manifest } = await withPod();
    await using _ = namespace;
    await images.push(app.name.split('/')[1]);
    const { code, stdout } = await namespace.kubectl(['diff', '--filename', '-'], JSON.stringify(manifest));
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });

  const serverSide = ['apply', '--server-side', '--filename', '-'];
  test('by server-side apply of the same manager keeps the pod at its digest', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    const app = await images.push();
    const manifest = JSON.stringify(podManifest({ image: app.tagged, spec: { schedulerName: 'none' } }));
    await succeed(namespace.kubectl(serverSide, manifest));
    await images.push(app.name.split('/')[1]);
    await succeed(namespace.kubectl(serverSide, manifest));
    expect((await namespace.pod('web')).spec.containers[0]?.image).toBe(app.pinned);
  });

  test('by server-side apply of another manager is a conflict, and forced keeps the pod at its digest', async () => {
    const { namespace, app, manifest, image } = await withPod();
    await using _ = namespace;
    const apply = [...serverSide, '--field-manager', 'another'];
    const { code, stderr } = await namespace.kubectl(apply, JSON.stringify(manifest));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/conflict.*\.image/s);
    await succeed(namespace.kubectl([...apply, '--force-conflicts'], JSON.stringify(manifest)));
    expect(await image()).toBe(app.pinned);
  });
});

test('kubectl debug on a pinned pod runs its ephemeral container by digest', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  const [app, debug] = await Promise.all([images.push(), images.push()]);
  await succeed(namespace.apply(podManifest({ image: app.tagged })));
  await namespace.running('web');
  await succeed(
    namespace.kubectl([
      'debug',
      'web',
      '--image',
      debug.tagged,
      '--container',
      'debug',
      '--profile',
      'general',
    ]),
  );
  const pod = await until('the ephemeral container to run', async () => {
    const seen = await namespace.pod('web');
    return seen.status.ephemeralContainerStatuses[0]?.state.running === undefined ? undefined : seen;
  });
  expect(pod.spec.ephemeralContainers).toMatchObject([{ name: 'debug', image: debug.pinned }]);
  expect(pod.status.ephemeralContainerStatuses[0]?.imageID).toBe(debug.pinned);
  expect(pod.spec.containers[0]?.image).toBe(app.pinned);
});

test('an update to a tag with imagePullPolicy Never is pinned or refused all the same', async () => {
  const { namespace, app, image } = await withPod();
  await using _ = namespace;
  const containers = [{ name: 'app', image: `${app.name}:nope`, imagePullPolicy: 'Never' }];
  const patch = ['patch', 'pod', 'web', '--patch', JSON.stringify({ spec: { containers } })];
  const { code, stderr } = await namespace.kubectl(patch);
  expect(code).not.toBe(0);
  expect(stderr).toContain('not found');
  expect(await image()).toBe(app.pinned);
});
