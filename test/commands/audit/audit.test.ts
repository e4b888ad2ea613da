import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type AuditOptions, auditFormats } from '../../../src/commands/audit/options.ts';
import { dockerImage, image, index } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import { pullSecret } from '../../webhook/webhooks.ts';
import {
  type AuditCluster,
  deployment,
  namespaceObject,
  node,
  ownerReference,
  type PodInput,
  pod,
  podOf,
  startAuditCluster,
  workload,
} from './audits.ts';

let cluster: AuditCluster;
let registry: Registry;
let counter = 0;
let namespace: string;
let repository: string;
let name: string;
let tagged: string;

beforeAll(async () => {
  cluster = await startAuditCluster();
  registry = await startRegistry({
    auth: { scheme: 'bearer' },
    users: [{ name: 'ada', password: 'correct-horse', pull: ['*'] }],
    public: ['open/*'],
  });
  cluster.put(node('intel'), node('arm', 'arm64'));
});
afterAll(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});
beforeEach(() => {
  namespace = `team-${++counter}`;
  cluster.put(namespaceObject(namespace));
  repository = `open/app-${counter}`;
  name = `${registry.host}/${repository}`;
  tagged = `${name}:1`;
  registry.requests.clear();
  cluster.api.requests.clear();
});

const push = (what = image(), tag: string | undefined = '1') => registry.push(repository, tag, what);
const audit = (options: Partial<AuditOptions> = {}) => cluster.audit({ namespace: [namespace], ...options });
/** Puts a Deployment there, with these pods. */
function deploy(...pods: Partial<PodInput>[]): void {
  cluster.put(...deployment({ namespace, image: tagged }));
  for (const input of pods) cluster.put(podOf({ namespace, image: tagged, ...input }));
}
const runs = (digest: string, more: Partial<PodInput> = {}) => ({ imageId: `${name}@${digest}`, ...more });
const pinnedTo = (digest: string, more: Partial<PodInput> = {}) => ({
  image: `${name}@${digest}`,
  from: tagged,
  ...more,
});
/** Which findings each image has. */
async function findings(options?: Partial<AuditOptions>): Promise<string[][]> {
  const { data } = await audit(options);
  return data.images.map((found) => found.findings.map(({ kind }) => kind));
}
/** Requests for manifests that got an answer: others were only told where tokens are. */
const asked = () =>
  registry.requests
    .manifests()
    .filter(({ status }) => status !== 401)
    .map(({ method, path }) => `${method} ${path.split('/').at(-1)}`);

describe('tagpin audit says of an image by tag', () => {
  test('what runs, whose pods, and what to write instead', async () => {
    const digest = push();
    deploy(runs(digest, { name: 'one' }), runs(digest, { name: 'two' }));
    const { code, data } = await audit();
    expect({ code, problems: data.problems }).toEqual({ code: 0, problems: [] });
    expect(data.images).toMatchObject([
      {
        namespace,
        workload: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        revision: 'replicaset/web-abc',
        container: 'web',
        image: tagged,
        pods: ['one', 'two'],
        runs: { digest, from: 'imageID' },
        tag: digest,
        use: `${name}@${digest}`,
        findings: [{ kind: 'unpinned', message: 'not by digest' }],
        notes: [],
      },
    ]);
    expect(asked()).toEqual(['HEAD 1']);
  });

  test.each([
    ['', 'without a tag'],
    [':latest', 'by the tag latest'],
  ])('that it floats: "app%s" is %s', async (written, message) => {
    const digest = push(image(), 'latest');
    deploy(runs(digest, { image: `${name}${written}` }));
    const { data } = await audit();
    expect(data.images[0]?.findings).toEqual([
      { kind: 'latest', message },
      { kind: 'unpinned', message: 'not by digest' },
    ]);
  });

  test('that its tag has moved, and how old what it has now is', async () => {
    const before = push();
    const after = push(image({ created: '2026-01-02T03:04:05Z' }));
    deploy(runs(before));
    const { data } = await audit();
    expect(data.images).toMatchObject([
      {
        tag: after,
        use: `${name}@${before}`,
        drift: { tag: after, since: '2026-01-02T03:04:05.000Z', from: 'created' },
      },
    ]);
    expect(data.images[0]?.findings[0]?.message).toMatch(
      new RegExp(`^tag 1 has ${after} now, built \\d+ d ago, by its config's created$`),
    );
  });

  test('and since when, if the registry says when it got that', async () => {
    const before = push();
    const now = image({ created: '2026-01-02T03:04:05Z' });
    const after = push(now);
    deploy(runs(before));
    const headers = { 'Content-Type': now.mediaType, 'Last-Modified': 'Thu, 05 Feb 2026 06:07:08 GMT' };
    registry.fault = ({ method, path }) =>
      method === 'GET' && path.endsWith(after)
        ? { outcome: { status: 200, headers, body: now.bytes } }
        : undefined;
    const { data } = await audit();
    registry.fault = undefined;
    expect(data.images[0]?.drift).toEqual({
      tag: after,
      since: '2026-02-05T06:07:08.000Z',
      from: 'Last-Modified',
    });
    expect(data.images[0]?.findings[0]?.message).toMatch(/ now, from \d+ d ago, by Last-Modified$/);
  });

  test('that the running digest is gone, and to write what the tag has', async () => {
    const before = push();
    const after = push();
    registry.delete(repository, before);
    deploy(runs(before));
    const { data } = await audit();
    expect(data.images).toMatchObject([{ use: `${name}@${after}`, drift: { tag: after } }]);
    expect(data.images[0]?.findings.map(({ kind }) => kind)).toEqual(['gone', 'drift', 'unpinned']);
    expect(data.images[0]?.findings[0]?.message).toMatch(
      /^what runs is not found \(404.*; push it again from a node or a mirror that has it, or roll out$/,
    );
  });

  test('that the tag is gone, and to write what runs', async () => {
    const digest = push();
    deploy(runs(digest));
    registry.delete(repository, '1');
    const { data } = await audit();
    expect(data.images).toMatchObject([{ use: `${name}@${digest}` }]);
    expect(data.images[0]?.findings.map(({ message }) => message)).toMatchObject([
      expect.stringMatching(/^the tag is not found/),
      'not by digest',
    ]);
  });

  test('what the tag has, while nothing has been pulled', async () => {
    const digest = push();
    deploy({});
    const { data } = await audit();
    expect(data.images).toMatchObject([{ tag: digest, use: `${name}@${digest}` }]);
    expect(data.images[0]?.runs).toBeUndefined();
  });

  test.each([
    ['an id alone', (hex: string) => `sha256:${hex}`],
    ['64 digits', (hex: string) => hex],
    ["dockershim's", (hex: string) => `docker://sha256:${hex}`],
  ])('that it is not known what runs, if the node reports %s', async (_, idOf) => {
    const digest = push();
    const imageId = idOf('a'.repeat(64));
    deploy({ imageId });
    const { data } = await audit();
    expect(data.images).toMatchObject([
      {
        use: `${name}@${digest}`,
        unknown: `what runs isn't known: imageID isn't a digest from a registry: ${imageId}; what the tag has now may be another image`,
      },
    ]);
    expect(data.images[0]?.notes).toEqual([data.images[0]?.unknown]);
    expect((await audit({ registry: false })).data.images[0]?.use).toBeUndefined();
  });

  test('that what runs is what the tag has, by the id of its config', async () => {
    const built = image();
    const digest = push(built);
    const { config } = z
      .object({ config: z.object({ digest: z.string() }) })
      .parse(JSON.parse(built.bytes.toString()));
    deploy({ imageId: config.digest });
    const { data } = await audit();
    expect(data.images).toMatchObject([
      { use: `${name}@${digest}`, notes: [`what runs is what the tag has, by its id ${config.digest}`] },
    ]);
    expect(data.images[0]?.unknown).toBeUndefined();
  });

  test('that nodes do not report what an image volume has', async () => {
    push();
    cluster.put(
      pod({
        namespace,
        image: tagged,
        spec: { containers: [], volumes: [{ name: 'data', image: { reference: tagged } }] },
      }),
    );
    const { data } = await audit();
    expect(data.images[0]?.unknown).toMatch(
      /^what runs isn't known: nodes don't report the digest of an image volume;/,
    );
  });

  test('that it is not a valid reference', async () => {
    deploy({ image: `${tagged}:2` });
    const { data } = await audit();
    expect(data.images).toMatchObject([{ findings: [{ kind: 'invalid' }] }]);
    expect(asked()).toEqual([]);
  });
});

describe('tagpin audit says of an image by digest', () => {
  test('nothing, while its tag has it', async () => {
    const digest = push();
    deploy(pinnedTo(digest));
    const { data } = await audit();
    expect(data.images).toMatchObject([
      {
        written: tagged,
        runs: { digest, from: 'spec' },
        tag: digest,
        use: `${name}@${digest}`,
        findings: [],
      },
    ]);
    expect(data.namespaces).toMatchObject([{ name: namespace, pods: 1, images: 1, pinned: 1 }]);
    expect(asked()).toEqual(['HEAD 1']);
  });

  test('that the tag it was pinned from has moved, by the spec, whatever the node says', async () => {
    const before = push();
    const after = push();
    deploy(pinnedTo(before, { imageId: `${name}@${after}` }));
    const { data } = await audit();
    expect(data.images).toMatchObject([
      { runs: { digest: before, from: 'spec' }, drift: { tag: after }, use: `${name}@${before}` },
    ]);
  });

  test('the same of a tag that stays visible', async () => {
    const before = push();
    const after = push();
    deploy({ image: `${tagged}@${before}` });
    expect((await audit()).data.images).toMatchObject([
      { drift: { tag: after }, use: `${tagged}@${before}` },
    ]);
  });

  test('that it is pulled at each start', async () => {
    const digest = push();
    deploy({ image: `${name}@${digest}`, pullPolicy: 'Always' });
    expect(await findings()).toEqual([['always']]);
    expect(asked()).toEqual([`HEAD ${digest}`]);
  });

  test('that it is gone', async () => {
    const digest = push();
    const after = push();
    registry.delete(repository, digest);
    deploy(pinnedTo(digest));
    const { data } = await audit();
    expect(data.images[0]?.findings.map(({ kind }) => kind)).toEqual(['gone', 'drift']);
    expect(data.images[0]?.use).toBe(`${name}@${after}`);
  });

  test('nothing of an annotation that claims another repository', async () => {
    const digest = push();
    push();
    deploy({ image: `${name}@${digest}`, from: `${registry.host}/open/other:1` });
    const { data } = await audit();
    expect(data.images[0]?.findings).toEqual([]);
    expect(asked()).toEqual([`HEAD ${digest}`]);
  });
});

describe('a digest that a node reports is no drift', () => {
  const builds = () => {
    const amd64 = image();
    const arm64 = image({ platform: { os: 'linux', architecture: 'arm64' } });
    return { amd64, arm64 };
  };

  test("if it is the index's child for the node's platform", async () => {
    const { amd64, arm64 } = builds();
    const whole = push(index([amd64, arm64]));
    deploy(runs(amd64.digest, { node: 'intel' }), runs(arm64.digest, { node: 'arm' }));
    const { data } = await audit();
    expect(data.images.map(({ findings }) => findings.map(({ kind }) => kind))).toEqual([
      ['unpinned'],
      ['unpinned'],
    ]);
    // the index, which runs on any node
    expect(data.images.map(({ use }) => use)).toEqual([`${name}@${whole}`, `${name}@${whole}`]);
  });

  test('but it is, if it is the child for another platform', async () => {
    const { amd64, arm64 } = builds();
    push(index([amd64, arm64]));
    deploy(runs(arm64.digest, { node: 'intel' }));
    expect(await findings()).toEqual([['drift', 'unpinned']]);
  });

  test('if it is any child, without permission to list nodes', async () => {
    const { amd64, arm64 } = builds();
    push(index([amd64, arm64]));
    deploy(runs(arm64.digest, { node: 'intel' }));
    const restore = cluster.api.fail({ resource: 'nodes', effect: 'forbidden' });
    const { code, data } = await audit();
    restore();
    expect({ code, found: data.images[0]?.findings.map(({ kind }) => kind) }).toEqual({
      code: 0,
      found: ['unpinned'],
    });
  });

  test('if it is another index with the same image for that platform', async () => {
    const { amd64, arm64 } = builds();
    const before = push(index([amd64]));
    push(index([amd64, arm64]));
    deploy(runs(before, { node: 'intel' }));
    expect(await findings()).toEqual([['unpinned']]);
  });

  test('if it is another manifest of the same config', async () => {
    const before = push(image({ content: 'the same', annotations: { build: '1' } }));
    const after = push(image({ content: 'the same', annotations: { build: '2' } }));
    expect(after).not.toBe(before);
    deploy(runs(before));
    expect(await findings()).toEqual([['unpinned']]);
  });

  test("if it is another repository's digest", async () => {
    const digest = push();
    deploy({ imageId: `${registry.host}/mirror/app@${image().digest}` });
    const { data, code } = await audit();
    expect({ code, findings: data.images[0]?.findings.map(({ kind }) => kind) }).toEqual({
      code: 0,
      findings: ['unpinned'],
    });
    expect(data.images[0]).toMatchObject({
      use: `${name}@${digest}`,
      notes: ["the node reports another repository's digest, which can't be compared"],
    });
  });

  test('if the spec is pinned to a child of what the tag has', async () => {
    const { amd64, arm64 } = builds();
    push(index([amd64, arm64]));
    deploy({ image: `${tagged}@${amd64.digest}`, node: 'intel' });
    const { data } = await audit();
    expect(data.images).toMatchObject([{ findings: [], use: `${tagged}@${amd64.digest}` }]);
  });
});

describe('tagpin audit says that a revision runs two digests', () => {
  test('whose images differ', async () => {
    const before = push();
    const after = push();
    deploy(runs(before), runs(before), runs(after, { seconds: 9 }));
    const { data } = await audit();
    const mixed = data.images.map(({ findings }) => findings.find(({ kind }) => kind === 'mixed')?.message);
    const message = `its revision runs ${[before, after].sort().join(' and ')}`;
    expect(mixed).toEqual([message, message]);
    expect(data.namespaces[0]?.counts).toMatchObject({ mixed: 3, drift: 2 });
  });

  test("one by the spec, and one by a node's report", async () => {
    const before = push();
    const after = push(dockerImage());
    deploy(pinnedTo(before), runs(after));
    expect((await findings()).every((kinds) => kinds.includes('mixed'))).toBe(true);
  });

  test('but not if they are the same image on nodes of different platforms', async () => {
    const [amd64, arm64] = [image(), image({ platform: { os: 'linux', architecture: 'arm64' } })];
    const whole = push(index([amd64, arm64]));
    deploy(
      runs(whole, { node: 'intel' }),
      runs(arm64.digest, { node: 'arm' }),
      runs(amd64.digest, { node: 'intel' }),
    );
    expect((await findings()).flat()).not.toContain('mixed');
  });

  test('and not of two revisions, as in a rollout', async () => {
    const before = push();
    const after = push();
    deploy(runs(before));
    cluster.put(
      workload('apps/v1', 'ReplicaSet', {
        namespace,
        image: tagged,
        name: 'web-def',
        owner: ownerReference('apps/v1', 'Deployment', 'web'),
      }),
      pod({
        namespace,
        image: tagged,
        ...runs(after),
        owner: ownerReference('apps/v1', 'ReplicaSet', 'web-def'),
      }),
    );
    expect((await findings()).flat()).not.toContain('mixed');
  });
});

describe('tagpin audit covers', () => {
  test('the outermost workload of any kind', async () => {
    const digest = push();
    const input = { namespace, image: tagged };
    const owned = (apiVersion: string, kind: string, owner: string) =>
      pod({ ...input, ...runs(digest), owner: ownerReference(apiVersion, kind, owner) });
    cluster.put(
      { ...workload('batch/v1', 'CronJob', { ...input, name: 'nightly' }), spec: {} },
      workload('batch/v1', 'Job', {
        ...input,
        name: 'nightly-1',
        owner: ownerReference('batch/v1', 'CronJob', 'nightly'),
      }),
      owned('batch/v1', 'Job', 'nightly-1'),
      workload('apps/v1', 'StatefulSet', { ...input, name: 'db' }),
      owned('apps/v1', 'StatefulSet', 'db'),
      workload('apps/v1', 'DaemonSet', { ...input, name: 'agent' }),
      owned('apps/v1', 'DaemonSet', 'agent'),
      owned('argoproj.io/v1alpha1', 'Rollout', 'shop'),
      owned('v1', 'Node', 'intel'),
      pod({ ...input, ...runs(digest), name: 'alone' }),
    );
    const { data } = await audit();
    const workloads = data.images.map(({ workload }) => `${workload.kind}/${workload.name}`);
    expect(workloads.filter((text) => !text.startsWith('Pod/pod-')).sort()).toEqual([
      'CronJob/nightly',
      'DaemonSet/agent',
      'Pod/alone',
      'Rollout/shop',
      'StatefulSet/db',
    ]);
    expect(data.images.filter(({ managedBy }) => managedBy === 'node/intel')).toHaveLength(1);
  });

  /** A template without pods. */
  const cronJob = (of: string) => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { namespace: of, name: 'nightly', uid: `uid-cron-${of}` },
    spec: {
      jobTemplate: { spec: { template: { spec: { containers: [{ name: 'web', image: tagged }] } } } },
    },
  });

  test('templates without pods, unless tagpin will pin those', async () => {
    const digest = push();
    const enforced = `${namespace}-enforced`;
    cluster.put(namespaceObject(enforced, 'enforce'), cronJob(namespace), cronJob(enforced));
    const { data } = await audit({ namespace: [namespace, enforced] });
    expect(data.images).toMatchObject([
      {
        namespace,
        workload: { kind: 'CronJob' },
        pods: [],
        use: `${name}@${digest}`,
        findings: [{ kind: 'unpinned' }],
      },
      { namespace: enforced, findings: [], notes: ['tagpin will pin its pods'] },
    ]);
  });

  test.each([
    ['enforce', ['gone'], ['tagpin will refuse its pods']],
    ['best-effort', ['gone', 'unpinned'], ['tagpin will admit its pods as they are']],
    ['audit', ['gone', 'unpinned'], ['tagpin pins nothing here']],
    [undefined, ['gone', 'unpinned'], []],
  ])('templates without pods whose tag is gone, in %s', async (mode, kinds, notes) => {
    const of = `${namespace}-${mode}`;
    cluster.put(namespaceObject(of, mode), cronJob(of));
    const { data } = await audit({ namespace: [of] });
    expect(data.images.map(({ findings }) => findings.map(({ kind }) => kind))).toEqual([kinds]);
    expect(data.images.map((found) => found.notes)).toEqual([notes]);
    expect(data.summary.findings).toEqual(Object.fromEntries(kinds.map((kind) => [kind, 1])));
  });

  test('a template whose revision may have a digest stored, which its pods would still get', async () => {
    cluster.put(
      namespaceObject(namespace, 'enforce'),
      workload('apps/v1', 'Deployment', { namespace, image: tagged }),
    );
    const { data } = await audit();
    expect(data.images).toMatchObject([
      {
        findings: [{ kind: 'gone' }],
        notes: ['tagpin will refuse its pods, unless their revision has a digest stored'],
      },
    ]);
  });

  test('templates and pods by one rule in every figure: by container, a template as a pod', async () => {
    const pinned = push();
    const closed = `${registry.host}/closed/app-${counter}:1`;
    registry.push(`closed/app-${counter}`, '1', image());
    const spec = {
      initContainers: [{ name: 'first', image: closed }],
      containers: [{ name: 'web', image: `${name}:gone` }],
    };
    cluster.put(
      workload('apps/v1', 'Deployment', { namespace, name: 'idle', image: tagged, spec }),
      workload('apps/v1', 'Deployment', { namespace, name: 'ready', image: `${name}@${pinned}` }),
      ...[1, 2].map(() => pod({ namespace, image: tagged, spec })),
    );
    const { data } = await audit();
    const figures = { pods: 2, templates: 2, images: 7, pinned: 1 };
    const counts = { gone: 3, unpinned: 6 };
    expect(data.namespaces).toMatchObject([{ ...figures, counts }]);
    expect(data.summary).toMatchObject({ ...figures, findings: counts });
    expect(data.problems).toMatchObject([{ images: 3 }]);
    const { out, said } = await cluster.print({ namespace: [namespace] });
    expect(out).toMatch(
      /^3 images in 2 pods and 2 templates without pods of 1 namespace: 1 of 7 containers by digest \(14%\)\nCluster embedded\n/,
    );
    expect(out).toMatch(new RegExp(`\n${namespace} +- +2 +3 +14% +3 +6\n`));
    expect(said).toMatch(/ \(3 containers\)\n$/);
  });

  test('templates without a prediction, because the registry does not answer or they are left alone', async () => {
    cluster.put(
      namespaceObject(namespace, 'enforce'),
      workload('apps/v1', 'Deployment', { namespace, image: '127.0.0.1:1/app:1' }),
    );
    const config = join(cluster.folder, 'left-alone.yaml');
    writeFileSync(config, 'pin: { skip: ["127.0.0.1:1/**"] }\n');
    const notes = async (options: Partial<AuditOptions>) =>
      (await audit(options)).data.images.map((found) => found.notes);
    expect(await notes({})).toEqual([[]]);
    expect(await notes({ registryConfig: config })).toEqual([['the configuration leaves it alone']]);
  });

  test('init containers, ephemeral containers and image volumes, but no finished pods', async () => {
    push();
    const container = { name: 'one', image: tagged };
    deploy(
      { phase: 'Succeeded' },
      {
        spec: {
          initContainers: [container],
          ephemeralContainers: [{ ...container, name: 'two' }],
          volumes: [{ name: 'three', image: { reference: tagged } }],
        },
      },
    );
    const { data } = await audit();
    expect(data.images.map(({ container }) => container).sort()).toEqual(['one', 'three', 'two', 'web']);
    expect(data.namespaces).toMatchObject([{ pods: 1, images: 4, pinned: 0 }]);
  });

  test('the modes of namespaces, and a typo in one, with the message of adopt and preflight', async () => {
    const names = ['enforce', 'best-effort', 'audit', 'enforced', ''].map((label, index) => {
      const of = `${namespace}-mode-${index}`;
      cluster.put(namespaceObject(of, label));
      return of;
    });
    const { data } = await audit({ namespace: names });
    expect(data.namespaces.map(({ mode }) => mode)).toEqual([
      'enforce',
      'best-effort',
      'audit',
      undefined,
      undefined,
    ]);
    expect(data.namespaces[3]?.findings).toEqual([
      {
        kind: 'label',
        message: expect.any(String),
      },
      {
        kind: 'ineffective',
        message:
          `namespace ${names[3]} has the label tagpin.dev/pin=enforced, which is none of enforce, best-effort, audit: ` +
          `nothing is pinned there; kubectl label --overwrite namespace ${names[3]} tagpin.dev/pin=enforce`,
      },
    ]);
    expect(data.summary.findings).toMatchObject({ label: 2 });
  });

  test('all namespaces, if none is named', async () => {
    const digest = push();
    deploy(runs(digest));
    const { data } = await cluster.audit({ registry: false });
    expect(data.namespaces.length).toBeGreaterThan(5);
    expect(data.images.filter((found) => found.namespace === namespace)).toHaveLength(1);
    expect(cluster.api.requests.of('pods', 'list')[0]?.path).toBe('/api/v1/pods');
  });
});

describe('tagpin audit asks registries', () => {
  const privately = () => `${registry.host}/closed/app-${counter}:1`;

  test("with the pods' own pull secrets, once for all namespaces that have the same", async () => {
    const digest = registry.push(`closed/app-${counter}`, '1', image());
    const other = `${namespace}-other`;
    cluster.put(namespaceObject(other));
    for (const of of [namespace, other]) {
      cluster.put(
        pullSecret('ada', registry.host, 'ada', 'correct-horse', of),
        ...Array.from({ length: 20 }, () =>
          pod({ namespace: of, image: privately(), spec: { imagePullSecrets: [{ name: 'ada' }] } }),
        ),
      );
    }
    const { data } = await audit({ namespace: [namespace, other] });
    expect(new Set(data.images.map(({ tag }) => tag))).toEqual(new Set([digest]));
    expect(data.images).toHaveLength(40);
    expect(asked()).toEqual(['HEAD 1']);
    expect(cluster.api.requests.of('secrets')).toHaveLength(2);
  });

  test('with no other credentials: an image that its pods can not pull stays unknown, with the reason', async () => {
    registry.push(`closed/app-${counter}`, '1', image());
    cluster.put(pod({ namespace, image: privately() }));
    const { code, data } = await audit();
    expect({ code, complete: data.complete, tag: data.images[0]?.tag }).toEqual({
      code: 3,
      complete: false,
      tag: undefined,
    });
    expect(data.problems).toEqual([
      {
        message: expect.stringMatching(
          /^127.0.0.1:\d+\/closed\/app-\d+: access refused .*; no pull secret matches this registry; add one/,
        ),
        images: 1,
      },
    ]);
  });

  test('without printing a secret', async () => {
    registry.push(`closed/app-${counter}`, '1', image());
    const password = `hunter-${counter}`;
    cluster.put(
      pullSecret('wrong', registry.host, 'mallory', password, namespace),
      pod({ namespace, image: privately(), spec: { imagePullSecrets: [{ name: 'wrong' }] } }),
    );
    const html = join(cluster.folder, 'secret.html');
    const outputs = [undefined, ...auditFormats];
    const printed = await Promise.all(
      outputs.map((output) =>
        cluster.print({ namespace: [namespace], html, ...(output !== undefined && { output }) }),
      ),
    );
    const fixes = await cluster.print({ namespace: [namespace], fix: true });
    const all = JSON.stringify([printed, fixes, readFileSync(html, 'utf8')]);
    expect(printed[0]?.said).toMatch(/access refused .*correct the credentials in secret team-\d+\/wrong/);
    expect(all).not.toMatch(new RegExp(`${password}|mallory|${btoa(`mallory:${password}`)}`));
  });

  test('not at all with --no-registry', async () => {
    const before = push();
    push();
    deploy(runs(before), pinnedTo(before, { pullPolicy: 'Always' }));
    const { code, data } = await audit({ registry: false });
    expect(code).toBe(0);
    expect(data.images.map(({ findings }) => findings.map(({ kind }) => kind))).toEqual([
      ['unpinned'],
      ['always'],
    ]);
    expect(data.images[0]).toMatchObject({
      use: `${name}@${before}`,
      notes: ["by the node's report; no registry was asked"],
    });
    expect(registry.requests.entries).toEqual([]);
  });

  test('with at most --concurrency requests at once', async () => {
    for (const number of [1, 2, 3, 4, 5]) {
      registry.push(`${repository}-${number}`, '1', image());
      cluster.put(pod({ namespace, image: `${name}-${number}:1` }));
    }
    let [now, most] = [0, 0];
    registry.fault = ({ method }) => {
      if (method !== 'HEAD') return undefined;
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
      }, 25);
      return { delayMs: 30 };
    };
    await audit({ concurrency: 2 });
    registry.fault = undefined;
    expect(most).toBe(2);
  });

  test('except what the configuration leaves alone', async () => {
    push();
    const config = join(cluster.folder, 'tagpin.yaml');
    writeFileSync(config, `pin: { skip: ["${name}"], keepTag: true }\n`);
    deploy({});
    const { data } = await audit({ registryConfig: config });
    expect(data.images[0]).toMatchObject({ findings: [], notes: ['the configuration leaves it alone'] });
  });
});

describe('failures are reported, and the rest is done', () => {
  test('a namespace whose secrets may not be read', async () => {
    const digest = push();
    const closed = `${namespace}-closed`;
    cluster.put(
      namespaceObject(closed),
      pod({ namespace: closed, image: tagged, spec: { imagePullSecrets: [{ name: 'x' }] } }),
    );
    deploy(runs(digest));
    const restore = cluster.api.fail({ resource: 'secrets', namespace: closed, effect: 'forbidden' });
    const { code, data } = await audit({ namespace: [namespace, closed] });
    restore();
    expect(code).toBe(3);
    expect(data.images.map(({ tag }) => tag)).toEqual([digest, undefined]);
    expect(data.problems).toEqual([
      {
        message: expect.stringMatching(
          new RegExp(
            `^namespace ${closed}: its pull secrets can't be read: secrets "x" is forbidden: .*; ask for that permission$`,
          ),
        ),
        images: 1,
      },
    ]);
  });

  test('a registry that is down, once for all of its images', async () => {
    const digest = push();
    deploy(runs(digest));
    for (const number of [1, 2, 3]) cluster.put(pod({ namespace, image: `127.0.0.1:1/app-${number}:1` }));
    const { code, data } = await audit();
    expect(code).toBe(3);
    expect(data.images.filter(({ tag }) => tag === digest)).toHaveLength(1);
    expect(data.problems).toEqual([
      { message: expect.stringMatching(/^127.0.0.1:1: the registry can't be reached/), images: 3 },
    ]);
  });

  test.each(['replicasets', 'cronjobs', 'namespaces'])('%s that may not be read', async (resource) => {
    const digest = push();
    deploy(runs(digest));
    const restore = cluster.api.fail({ resource, effect: 'forbidden' });
    const { code, data } = await audit();
    restore();
    expect({ code, images: data.images.length }).toEqual({ code: 3, images: 1 });
    expect(data.problems[0]?.message).toMatch(
      new RegExp(
        `^the ${resource} of namespace ${namespace} can't be read: ${resource}.* is forbidden.*; ask for that permission$`,
      ),
    );
  });

  test('a missing namespace', async () => {
    deploy(runs(push()));
    const { code, data } = await audit({ namespace: [namespace, 'nowhere'] });
    expect({ code, namespaces: data.namespaces.map((found) => found.name) }).toEqual({
      code: 3,
      namespaces: [namespace],
    });
    expect(data.problems).toEqual([
      { message: 'namespace "nowhere" doesn\'t exist; correct its name or the kubeconfig\'s context' },
    ]);
  });

  test('a registry that is down, while specs still tell of a revision', async () => {
    const [one, two] = [image().digest, image().digest];
    const dead = '127.0.0.1:1/app';
    cluster.put(
      ...deployment({ namespace, image: `${dead}:1` }),
      ...[one, two].map((digest) => podOf({ namespace, image: `${dead}:1`, imageId: `${dead}@${digest}` })),
    );
    expect((await findings()).flat()).toEqual(['unpinned', 'unpinned']);
    cluster.put(...[one, two].map((digest) => podOf({ namespace, image: `${dead}@${digest}` })));
    expect((await findings()).filter((kinds) => kinds.includes('mixed'))).toHaveLength(4);
  });

  test('a timeout', async () => {
    deploy(runs(push()));
    registry.fault = { outcome: 'hang' };
    const { code, data } = await audit({ timeout: 1_000 });
    registry.fault = undefined;
    expect({ code, images: data.images.length }).toEqual({ code: 3, images: 1 });
    expect(data.problems).toContainEqual({
      message: 'the time was up after 1 s (--timeout): registries were not asked about everything',
      images: 1,
    });
  });
});

describe('--fail-on exits with 1', () => {
  test('only for what is named', async () => {
    deploy(runs(push()));
    expect((await audit({ failOn: ['unpinned'] })).code).toBe(1);
    expect((await audit({ failOn: ['latest', 'mixed', 'drift'] })).code).toBe(0);
  });

  test('whatever --only shows', async () => {
    deploy(runs(push()));
    const { code, data } = await audit({ failOn: ['unpinned'], only: ['latest'] });
    expect({ code, images: data.images }).toEqual({ code: 1, images: [] });
  });
});
