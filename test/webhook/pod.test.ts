import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyPatch, podReview } from '../support/admission.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { pullSecret, startWebhook, type Webhook } from './webhooks.ts';

let registry: Registry;
let webhook: Webhook;
let digest: string;

beforeAll(async () => {
  registry = await startRegistry({
    auth: { scheme: 'bearer' },
    users: [{ name: 'ada', password: 'correct-horse', pull: ['private/*'] }],
    public: ['open/*'],
  });
  webhook = await startWebhook();
  webhook.api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name: 'default' },
  });
});
afterAll(async () => {
  await webhook[Symbol.asyncDispose]();
  await registry.close();
});
beforeEach(() => {
  digest = registry.push('open/app', '1', image());
  registry.requests.clear();
  webhook.api.requests.clear();
  webhook.log.length = 0;
});

/** The image of a repository nobody has asked for before, so that no cache knows it. */
let counter = 0;
function fresh(prefix = 'open'): { image: string; digest: string; repository: string } {
  const repository = `${prefix}/app-${++counter}`;
  return {
    image: `${registry.host}/${repository}:1`,
    digest: registry.push(repository, '1', image()),
    repository,
  };
}

const podOf = (image: string, more: object = {}) => ({
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'web', image, ...more }] },
});

describe('enforce', () => {
  test('pins a tag', async () => {
    const app = fresh();
    const pod = podOf(app.image, { imagePullPolicy: 'Always' });
    const pinned = applyPatch(pod, await webhook.review('enforce', podReview(pod)));
    expect(pinned.spec.containers[0]).toEqual({
      name: 'web',
      image: `${registry.host}/${app.repository}@${app.digest}`,
      imagePullPolicy: 'IfNotPresent',
    });
    expect(pinned.metadata.annotations).toEqual({ 'tagpin.dev/images': JSON.stringify({ web: app.image }) });
  });

  test('refuses what cannot be pinned, with container, image, cause and remedy', async () => {
    const { response } = await webhook.review(
      'enforce',
      podReview(podOf(`${registry.host}/open/app:absent`)),
    );
    expect(response).toMatchObject({
      allowed: false,
      status: {
        code: 403,
        message: `container "web": ${registry.host}/open/app:absent: not found (404 MANIFEST_UNKNOWN); push the tag or correct the image`,
      },
    });
    expect(response.patch).toBeUndefined();
  });

  test('names every image that cannot be pinned at once', async () => {
    const containers = ['one', 'two'].map((name) => ({ name, image: `${registry.host}/open/app:${name}` }));
    const { response } = await webhook.review('enforce', podReview({ metadata: {}, spec: { containers } }));
    expect(response.status?.message.split('\n')).toHaveLength(2);
  });

  test.each(['', ' ', 'NGINX', '$(IMAGE)', 'x'.repeat(5_000)])(
    'refuses %j as no reference',
    async (image) => {
      const { response } = await webhook.review('enforce', podReview(podOf(image)));
      expect(response.status?.message).toMatch(/^container "web": invalid image reference "/);
      expect(response.status?.message.length).toBeLessThan(400);
    },
  );

  test('admits a pod with nothing to pin', async () => {
    const { response } = await webhook.review(
      'enforce',
      podReview(podOf(`${registry.host}/open/app@${digest}`)),
    );
    expect(response).toEqual({ uid: response.uid, allowed: true });
    expect(registry.requests.entries).toEqual([]);
  });

  test('pins init containers, native sidecars, containers and image volumes together', async () => {
    const [a, b, c, d] = [fresh(), fresh(), fresh(), fresh()];
    const pod = {
      metadata: {},
      spec: {
        initContainers: [
          { name: 'init', image: a.image },
          { name: 'sidecar', image: b.image, restartPolicy: 'Always' },
        ],
        containers: [{ name: 'web', image: c.image }],
        volumes: [{ name: 'models', image: { reference: d.image } }],
      },
    };
    const { spec } = applyPatch(pod, await webhook.review('enforce', podReview(pod)));
    const images = [...(spec.initContainers ?? []), ...spec.containers].map(({ image }) => image);
    expect([...images, spec.volumes?.[0]?.image?.reference]).toEqual(
      [a, b, c, d].map((app) => `${registry.host}/${app.repository}@${app.digest}`),
    );
  });

  test('asks once for equal images of a pod', async () => {
    const app = fresh();
    const containers = ['a', 'b', 'c'].map((name) => ({ name, image: app.image }));
    await webhook.review('enforce', podReview({ metadata: {}, spec: { containers } }));
    expect(registry.requests.manifests(app.repository)).toHaveLength(2); // the challenge, and the answer
  });

  test('resolves on dry run too', async () => {
    const app = fresh();
    const { response } = await webhook.review('enforce', podReview(podOf(app.image), { dryRun: true }));
    expect(response.patch).toBeDefined();
  });

  test('finds nothing left to do when it is called again', async () => {
    const pod = podOf(fresh().image);
    const pinned = applyPatch(pod, await webhook.review('enforce', podReview(pod)));
    expect((await webhook.review('enforce', podReview(pinned))).response.patch).toBeUndefined();
  });
});

describe('best-effort', () => {
  test('pins a tag', async () => {
    const app = fresh();
    const pinned = applyPatch(
      podOf(app.image),
      await webhook.review('best-effort', podReview(podOf(app.image))),
    );
    expect(pinned.spec.containers[0]?.image).toContain(app.digest);
  });

  test('admits what cannot be pinned, with a warning, and pins the rest', async () => {
    const app = fresh();
    const pod = {
      metadata: {},
      spec: {
        containers: [
          { name: 'bad', image: `${registry.host}/open/app:absent` },
          { name: 'good', image: app.image },
        ],
      },
    };
    const answer = await webhook.review('best-effort', podReview(pod));
    expect(answer.response.warnings).toEqual([
      `not pinned: container "bad": ${registry.host}/open/app:absent: not found (404 MANIFEST_UNKNOWN); push the tag or correct the image`,
    ]);
    const images = applyPatch(pod, answer).spec.containers.map(({ image }) => image);
    expect(images).toEqual([
      `${registry.host}/open/app:absent`,
      `${registry.host}/${app.repository}@${app.digest}`,
    ]);
  });

  test('keeps each warning to 256 characters', async () => {
    const annotations = { 'tagpin.dev/skip': Array.from({ length: 20 }, () => 'x'.repeat(400)).join() };
    const pod = { ...podOf('NGINX'), metadata: { name: 'y'.repeat(300), annotations } };
    const { response } = await webhook.review('best-effort', podReview(pod));
    for (const warning of response.warnings ?? []) expect(warning.length).toBeLessThanOrEqual(256);
  });

  test('shortens an image rather than what to do about it', async () => {
    const long = `${registry.host}/open/${'a'.repeat(230)}:absent`;
    const { response } = await webhook.review('best-effort', podReview(podOf(long)));
    expect(response.warnings?.[0]).toMatch(
      /^not pinned: container "web": .*…a+:absent: not found .*correct the image$/,
    );
  });

  test('and what was said before it, too', async () => {
    const name = 'n'.repeat(90);
    const pod = podOf(`${registry.host}/open/${'a'.repeat(70)}:absent`);
    const containers = pod.spec.containers.map((container) => ({ ...container, name }));
    const { response } = await webhook.review('best-effort', podReview({ ...pod, spec: { containers } }));
    expect(response.warnings?.[0]).toMatch(
      /^not pinned: container "n+.*…; push the tag or correct the image$/,
    );
  });

  test('keeps all warnings to 4096 characters', async () => {
    const containers = Array.from({ length: 100 }, (_, index) => ({
      name: `c${index}`,
      image: `${registry.host}/open/app:absent-${index}`,
    }));
    const { response } = await webhook.review(
      'best-effort',
      podReview({ metadata: {}, spec: { containers } }),
    );
    expect(response.warnings?.join('').length).toBeLessThanOrEqual(4096);
    const shown = response.warnings?.length ?? 0;
    expect(response.warnings?.at(-1)).toBe(`and ${101 - shown} more`);
  });
});

describe('audit', () => {
  test('changes nothing and says what would be', async () => {
    const app = fresh();
    const { response } = await webhook.review('audit', podReview(podOf(app.image)));
    expect(response.patch).toBeUndefined();
    expect(response.warnings).toEqual([`container "web": ${app.image}: would be pinned to ${app.digest}`]);
  });

  test('admits what enforce would refuse', async () => {
    const { response } = await webhook.review('audit', podReview(podOf('NGINX')));
    expect(response.allowed).toBe(true);
    expect(response.warnings?.[0]).toMatch(
      /^can't be pinned: container "web": invalid image reference "NGINX"/,
    );
  });
});

describe('pull secrets', () => {
  beforeEach(() => {
    webhook.api.put(pullSecret('regcred', registry.host, 'ada', 'correct-horse'));
  });
  const podWith = (image: string, ...names: string[]) => ({
    ...podOf(image),
    spec: { containers: [{ name: 'web', image }], imagePullSecrets: names.map((name) => ({ name })) },
  });

  test('of the pod open a private repository', async () => {
    const app = fresh('private');
    const pod = podWith(app.image, 'regcred');
    expect(
      applyPatch(pod, await webhook.review('enforce', podReview(pod))).spec.containers[0]?.image,
    ).toContain(app.digest);
  });

  test('that are not there are named when access is refused', async () => {
    const { response } = await webhook.review('enforce', podReview(podWith(fresh('private').image, 'nope')));
    expect(response.status?.message).toContain(
      `pull secret "nope" doesn't exist; create it or correct imagePullSecrets`,
    );
  });

  test('are read by name, and not at all when nothing is to be resolved', async () => {
    await webhook.review('enforce', podReview(podWith(`${registry.host}/open/app@${digest}`, 'regcred')));
    expect(webhook.api.requests.entries).toEqual([]);
  });

  test('that may not be read are told with the permission that is missing', async () => {
    const restore = webhook.api.fail({ resource: 'secrets', name: 'hidden', effect: 'forbidden' });
    const { response } = await webhook.review(
      'enforce',
      podReview(podWith(fresh('private').image, 'hidden')),
    );
    restore();
    expect(response.status?.message).toMatch(/secrets "hidden" is forbidden.*cannot get resource "secrets"/);
  });

  test('that cannot be parsed are named, never shown, and the others still work', async () => {
    webhook.api.put({
      ...pullSecret('broken', 'x', 'a', 'b'),
      data: { '.dockerconfigjson': Buffer.from('{"auths":{"x":{"auth":"hunter2"}}}').toString('base64') },
    });
    const app = fresh('private');
    const answer = await webhook.review('enforce', podReview(podWith(app.image, 'broken', 'regcred')));
    expect(answer.response.allowed).toBe(true);
    expect(answer.response.warnings).toEqual([
      expect.stringMatching(/^pull secret "broken" keeps the kubelet from pulling/),
    ]);
    expect(JSON.stringify([answer, webhook.log])).not.toContain('hunter2');
  });

  test('never reach the log', async () => {
    await webhook.review('enforce', podReview(podWith(fresh('private').image, 'regcred')));
    await webhook.review('enforce', podReview(podWith(`${registry.host}/private/absent:1`, 'regcred')));
    expect(webhook.log.length).toBeGreaterThan(1);
    expect(JSON.stringify(webhook.log)).not.toMatch(/secret"|c2VjcmV0|YWRhOnNlY3JldA/);
  });
});

describe('UPDATE', () => {
  const old = (image: string, written?: string) => ({
    metadata: {
      name: 'web',
      ...(written && { annotations: { 'tagpin.dev/images': JSON.stringify({ web: written }) } }),
    },
    spec: { containers: [{ name: 'web', image, imagePullPolicy: 'IfNotPresent' }] },
  });

  test('leaves an unchanged tag alone', async () => {
    const tag = `${registry.host}/open/app:1`;
    const { response } = await webhook.review('enforce', podReview(old(tag), { oldPod: old(tag) }));
    expect(response).toEqual({ uid: response.uid, allowed: true });
    expect(registry.requests.entries).toEqual([]);
  });

  test('pins a changed tag, and not its pull policy', async () => {
    const app = fresh();
    const { response } = await webhook.review(
      'enforce',
      podReview(old(app.image), { oldPod: old(`${registry.host}/open/app@${digest}`) }),
    );
    const paths = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString()).map(
      ({ path }: { path: string }) => path,
    );
    expect(paths).toEqual(['/spec/containers/0/image', '/metadata/annotations']);
  });

  test('back to the remembered tag restores its digest, although the tag has moved, without a request', async () => {
    const app = fresh();
    const pinned = old(`${registry.host}/${app.repository}@${app.digest}`, app.image);
    registry.push(app.repository, '1', image());
    const applied = old(app.image, app.image);
    const result = applyPatch(
      applied,
      await webhook.review('enforce', podReview(applied, { oldPod: pinned })),
    );
    expect(result).toEqual(applyPatch(pinned, { response: { allowed: true } }));
    expect(registry.requests.entries).toEqual([]);
  });

  test('of pods/ephemeralcontainers pins the new ones only', async () => {
    const app = fresh();
    const container = { name: 'web', image: `${registry.host}/open/app:1` };
    const debug = { name: 'debug', image: app.image };
    const before = { metadata: { name: 'web' }, spec: { containers: [container] } };
    const after = { ...before, spec: { ...before.spec, ephemeralContainers: [debug] } };
    const answer = await webhook.review(
      'enforce',
      podReview(after, { oldPod: before, subResource: 'ephemeralcontainers' }),
    );
    expect(applyPatch(after, answer).spec).toEqual({
      containers: [container],
      ephemeralContainers: [{ ...debug, image: `${registry.host}/${app.repository}@${app.digest}` }],
    });
  });
});

describe('what is left unchanged', () => {
  const mirror = {
    ...podOf('NGINX'),
    metadata: { name: 'web', annotations: { 'kubernetes.io/config.mirror': 'x' } },
  };

  test('a mirror pod, when a node creates it', async () => {
    const review = podReview(mirror, {
      username: 'system:node:n1',
      groups: ['system:nodes', 'system:authenticated'],
    });
    expect((await webhook.review('enforce', review)).response.allowed).toBe(true);
  });

  test('but not a pod that only claims to be one', async () => {
    expect((await webhook.review('enforce', podReview(mirror))).response.allowed).toBe(false);
  });

  test('a pod that is being deleted', async () => {
    const going = { ...podOf('NGINX'), metadata: { name: 'web', deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const oldPod = { ...podOf(`${registry.host}/open/app@${digest}`), metadata: going.metadata };
    expect((await webhook.review('enforce', podReview(going, { oldPod }))).response.allowed).toBe(true);
  });

  test('but not a new pod that claims to be', async () => {
    const going = { ...podOf('NGINX'), metadata: { name: 'web', deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect((await webhook.review('enforce', podReview(going))).response.allowed).toBe(false);
  });

  test('pull policy Never', async () => {
    const { response } = await webhook.review(
      'enforce',
      podReview(podOf('loaded-on-the-node', { imagePullPolicy: 'Never' })),
    );
    expect(response).toEqual({ uid: response.uid, allowed: true });
  });

  test('containers that the pod skips, with a warning of unknown names', async () => {
    const pod = {
      ...podOf('NGINX'),
      metadata: { name: 'web', annotations: { 'tagpin.dev/skip': 'web,wbe' } },
    };
    const { response } = await webhook.review('enforce', podReview(pod));
    expect(response).toMatchObject({
      allowed: true,
      warnings: ['tagpin.dev/skip names "wbe", which is no container or image volume of this pod'],
    });
  });

  test('DELETE', async () => {
    expect(
      (await webhook.review('enforce', podReview(podOf('NGINX'), { operation: 'DELETE' }))).response.allowed,
    ).toBe(true);
  });
});

describe('the deadline', () => {
  test('is kept, and a refusal says so', async () => {
    const app = fresh();
    registry.fault = { outcome: 'hang' };
    const started = performance.now();
    const { response } = await webhook.review('enforce', podReview(podOf(app.image)), '1s');
    registry.fault = undefined;
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(response.status?.message).toContain("the registry didn't answer in time");
  });

  test('holds for the API server too', async () => {
    const restore = webhook.api.fail({ resource: 'serviceaccounts', effect: { outcome: 'hang' } });
    const started = performance.now();
    const { response } = await webhook.review(
      'best-effort',
      podReview({
        ...podOf(fresh().image),
        spec: { ...podOf(fresh().image).spec, serviceAccountName: 'slow' },
      }),
      '1s',
    );
    restore();
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(response.allowed).toBe(true);
    expect(response.warnings?.[0]).toContain(
      "its pull secrets can't be read: GET /api/v1/namespaces/default/serviceaccounts/slow: no answer in time",
    );
  });
});

test('a pod of absurdly many images is refused without asking for any', async () => {
  const containers = Array.from({ length: 501 }, (_, index) => ({
    name: `c${index}`,
    image: `${registry.host}/open/app:absent-${index}`,
  }));
  const pod = { metadata: { name: 'web' }, spec: { containers } };
  const { response } = await webhook.review('enforce', podReview(pod));
  expect(response.status?.message).toContain('it has 501 images, and tagpin takes at most 500');
  expect(registry.requests.entries).toEqual([]);
});

test('a password that a registry echoes is in no log and no message', async () => {
  webhook.api.put(pullSecret('echoed', registry.host, 'ada', 's3cr3t-pass'));
  const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'no access for ada:s3cr3t-pass' }] });
  registry.fault = { outcome: { status: 403, body } };
  const pod = podOf(fresh('private').image);
  const review = podReview({ ...pod, spec: { ...pod.spec, imagePullSecrets: [{ name: 'echoed' }] } });
  const { response } = await webhook.review('enforce', review);
  registry.fault = undefined;
  expect(JSON.stringify(webhook.log)).toContain('no access for ada:xxxxx');
  expect(JSON.stringify([webhook.log, response])).not.toContain('s3cr3t-pass');
});

test('each decision is a line of log', async () => {
  const app = fresh();
  await webhook.review('enforce', podReview(podOf(app.image), { namespace: 'default' }));
  expect(webhook.log).toEqual([
    expect.objectContaining({
      level: 'info',
      namespace: 'default',
      pod: 'web',
      mode: 'enforce',
      container: 'web',
      image: app.image,
      digest: app.digest,
      source: 'registry',
      ms: expect.any(Number),
      msg: 'pinned',
    }),
  ]);
});

test('each decision is counted', async () => {
  await webhook.review('enforce', podReview(podOf(fresh().image)));
  const text = await webhook.metrics.text();
  expect(text).toMatch(/tagpin_images_total\{mode="enforce",outcome="pinned",reason="registry"\} \d+/);
  expect(text).toMatch(
    /tagpin_admission_requests_total\{path="\/pin\/enforce",operation="CREATE",outcome="patched"\} \d+/,
  );
  expect(text).toMatch(
    /tagpin_registry_requests_total\{registry="127\.0\.0\.1:\d+",method="HEAD",status="200"\} \d+/,
  );
});
