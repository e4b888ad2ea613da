import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readPins } from '../../../src/revision/pins.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import { pullSecret } from '../../webhook/webhooks.ts';
import {
  type Cluster,
  deployment,
  otherWorkloads,
  type PodOptions,
  podOf,
  startCluster,
} from './adoptions.ts';

let cluster: Cluster;
let registry: Registry;
let counter = 0;
let namespace: string;
let name: string;
let tagged: string;
/** What runs, and what the tag has become. */
let before: string;
let after: string;

beforeAll(async () => {
  cluster = await startCluster();
  registry = await startRegistry({
    auth: { scheme: 'bearer' },
    users: [{ name: 'ada', password: 'correct-horse', pull: ['*'] }],
    public: ['open/*'],
  });
});
afterAll(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});
beforeEach(() => {
  namespace = `team-${++counter}`;
  cluster.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  name = `${registry.host}/open/app-${counter}`;
  tagged = `${name}:1`;
  before = registry.push(`open/app-${counter}`, '1', image());
  after = registry.push(`open/app-${counter}`, '1', image());
  registry.requests.clear();
  cluster.api.requests.clear();
});

/** Puts a Deployment there, with these pods of its one ReplicaSet. */
function deploy(
  pods: Partial<PodOptions>[],
  more: Parameters<typeof deployment>[2] = {},
  spec?: object,
): void {
  for (const object of deployment(namespace, spec ?? tagged, more)) cluster.api.put(object);
  for (const pod of pods) cluster.api.put(podOf(namespace, { image: tagged, ...pod }));
}
const runs = (digest: string, seconds = 0): Partial<PodOptions> => ({
  imageId: `${name}@${digest}`,
  seconds,
});
const annotationsOf = (kind = 'ReplicaSet', object = 'web-abc') =>
  cluster.api.find(kind, namespace, object)?.metadata.annotations ?? {};
const pinsOf = (hash = 'abc', kind?: string, object?: string) => {
  const pins = readPins(annotationsOf(kind, object), hash);
  return pins && Object.fromEntries(pins);
};
/** Requests for manifests that got one: others were only told where tokens are. */
const answered = () =>
  registry.requests
    .manifests()
    .filter(({ status }) => status === 200)
    .map(({ method, path }) => `${method} ${path.split('/').at(-1)}`);
const patches = () => cluster.api.requests.entries.filter(({ method }) => method === 'PATCH').length;

describe('tagpin adopt stores with a revision what its pods run', () => {
  test("by their nodes' reports, once the registry has confirmed them, although the tag has moved", async () => {
    deploy([runs(before), runs(before)]);
    expect(await cluster.adopt(namespace)).toEqual({
      code: 0,
      said: 'tagpin: 1 image: 1 adopted\n',
      report: {
        namespace,
        dryRun: false,
        images: [
          {
            revision: 'replicaset/web-abc',
            image: tagged,
            state: 'adopted',
            digest: before,
            running: [{ digest: before, from: 'imageID', pods: 2 }],
            tag: after,
            notes: [`its tag has ${after} now`],
          },
        ],
      },
    });
    expect(pinsOf()).toEqual({ [tagged]: before });
    expect(answered()).toEqual(['HEAD 1', `HEAD ${before}`]);
  });

  test('with one request if the tag still has it', async () => {
    deploy([runs(after)]);
    expect((await cluster.adopt(namespace)).report.images).toMatchObject([{ state: 'adopted', notes: [] }]);
    expect(answered()).toEqual(['HEAD 1']);
  });

  test('by their own spec first, whatever their nodes report', async () => {
    deploy([{ image: `${name}@${before}`, from: tagged, imageId: `${name}@${after}` }]);
    expect((await cluster.adopt(namespace)).report.images).toMatchObject([
      { state: 'adopted', running: [{ digest: before, from: 'spec' }] },
    ]);
    expect(pinsOf()).toEqual({ [tagged]: before });
  });

  test('in ControllerRevisions and Jobs too, and reports that ReplicationControllers can not store it', async () => {
    for (const object of otherWorkloads(namespace, { image: tagged, imageId: `${name}@${before}` })) {
      cluster.api.put(object);
    }
    const { code, report, said } = await cluster.adopt(namespace);
    expect(report.images.map(({ revision, state }) => `${revision} ${state}`)).toEqual([
      'controllerrevision/agent-77 adopted',
      'controllerrevision/db-5f adopted',
      'job/task adopted',
      'replicationcontroller/old unkept',
    ]);
    expect(report.images[3]?.notes).toEqual([
      "a ReplicationController can't store digests; its new pods get the digest of its oldest pinned pod",
    ]);
    expect({ code, said }).toEqual({
      code: 1,
      said: 'tagpin: 1 image in 4 places: 3 adopted, 1 of ReplicationControllers\n',
    });
    expect(pinsOf('77', 'ControllerRevision', 'agent-77')).toEqual({ [tagged]: before });
    expect(pinsOf('5f', 'ControllerRevision', 'db-5f')).toEqual({ [tagged]: before });
    expect(pinsOf('own', 'Job', 'task')).toEqual({ [tagged]: before });
  });

  test('above the copies that its Deployment has of other pins', async () => {
    const copies = { 'pins.tagpin.dev/abc.zzzzzzzz': JSON.stringify({ [tagged]: after }) };
    deploy([runs(before)], { copies, annotations: { ...copies, 'pins.tagpin.dev/def.1': '{}', other: 'x' } });
    await cluster.adopt(namespace);
    // As its Deployment's controller does at each sync.
    const annotations = { ...annotationsOf(), ...copies };
    expect(readPins(annotations, 'abc')).toEqual(new Map([[tagged, before]]));
    expect(annotations).toMatchObject({ 'pins.tagpin.dev/def.1': '{}', other: 'x' });
    for (const object of deployment(namespace, tagged, { copies, annotations })) cluster.api.put(object);
    cluster.api.requests.clear();
    expect((await cluster.adopt(namespace)).report.images).toMatchObject([{ state: 'stored' }]);
    expect(patches()).toBe(0);
  });

  test('again, if it is stored but its Deployment has a newer copy of another', async () => {
    const annotations = { 'pins.tagpin.dev/abc.100': JSON.stringify({ [tagged]: before }) };
    const copies = { 'pins.tagpin.dev/abc.zzzzzzzz': JSON.stringify({ [tagged]: after }) };
    deploy([runs(before)], { annotations, copies });
    expect((await cluster.adopt(namespace)).report.images).toMatchObject([
      { state: 'adopted', digest: before, notes: ['its Deployment has a newer copy of others'] },
    ]);
    expect(readPins({ ...annotationsOf(), ...copies }, 'abc')).toEqual(new Map([[tagged, before]]));
    expect((await cluster.adopt(namespace)).report.images).toMatchObject([{ state: 'stored' }]);
  });

  test('with null for an image of the template whose digest is not known', async () => {
    const side = `${registry.host}/open/side:1`;
    const spec = {
      containers: [
        { name: 'web', image: tagged },
        { name: 'side', image: side },
      ],
    };
    deploy([{ ...runs(before), spec }], {}, spec);
    const { code, report } = await cluster.adopt(namespace);
    expect(code).toBe(1);
    expect(report.images).toMatchObject([
      { image: tagged, state: 'adopted' },
      { image: side, state: 'unknown', notes: ['1 pod: not pulled yet'] },
    ]);
    expect(pinsOf()).toEqual({ [tagged]: before, [side]: null });
  });

  test('of an image that was promoted on the same nodes: its own repository confirms the digest', async () => {
    deploy([{ imageId: `quay.io/dev/app@${before}` }]);
    const { code, report } = await cluster.adopt(namespace);
    expect(code).toBe(0);
    expect(report.images).toMatchObject([
      {
        state: 'adopted',
        digest: before,
        notes: [
          "imageID names another repository, quay.io/dev/app, and the image's own has this digest, too",
          `its tag has ${after} now`,
        ],
      },
    ]);
    expect(answered()).toEqual(['HEAD 1', `HEAD ${before}`]);
  });

  test("with its pods' pull secrets", async () => {
    const privateImage = `${registry.host}/private/app:1`;
    const digest = registry.push('private/app', '1', image());
    cluster.api.put(pullSecret('registry', registry.host, 'ada', 'correct-horse', namespace));
    const spec = { containers: [{ name: 'web', image: privateImage }] };
    const pod = { image: privateImage, imageId: `${registry.host}/private/app@${digest}` };
    deploy([pod], {}, spec);
    expect((await cluster.adopt(namespace)).report.images).toMatchObject([
      {
        state: 'unconfirmed',
        notes: [
          `the registry can't be asked for ${digest}: access refused (401); no pull secret matches this registry; add one, or correct the image`,
        ],
      },
    ]);
    deploy([], {}, { ...spec, imagePullSecrets: [{ name: 'registry' }] });
    expect((await cluster.adopt(namespace)).report.images).toMatchObject([{ state: 'adopted', digest }]);
  });

  test('page by page', async () => {
    deploy(Array.from({ length: 600 }, () => runs(before)));
    expect((await cluster.adopt(namespace)).report.images).toMatchObject([{ running: [{ pods: 600 }] }]);
    expect(cluster.api.requests.of('pods')).toHaveLength(3);
  });

  test('but not of pods that are finished, have no owner, or whose images tagpin leaves alone', async () => {
    deploy([
      { ...runs(after), status: { phase: 'Failed' } },
      { ...runs(after), status: { phase: 'Succeeded' } },
    ]);
    cluster.api.put({ ...podOf(namespace, { image: tagged }), metadata: { namespace, name: 'bare' } });
    const { code, report, said } = await cluster.adopt(namespace);
    expect({ code, said, images: report.images }).toEqual({
      code: 0,
      said: `tagpin: namespace ${namespace} has no pods of revisions with images by tag: nothing to adopt\n`,
      images: [],
    });
    const skip = `${cluster.folder}/skip.yaml`;
    writeFileSync(skip, `pin: { skip: ["${registry.host}"] }`);
    deploy([runs(before)]);
    expect((await cluster.adopt(namespace, { registryConfig: skip })).report.images).toEqual([]);
  });
});

describe('tagpin adopt changes nothing', () => {
  test('a second time, and makes no registry request', async () => {
    deploy([runs(before)]);
    await cluster.adopt(namespace);
    const annotations = annotationsOf();
    registry.requests.clear();
    cluster.api.requests.clear();
    const { code, report, said } = await cluster.adopt(namespace);
    expect({ code, said }).toEqual({ code: 0, said: 'tagpin: 1 image: 1 stored already\n' });
    expect(report.images).toMatchObject([{ state: 'stored', digest: before, notes: [] }]);
    expect(annotationsOf()).toEqual(annotations);
    expect(patches()).toBe(0);
    expect(registry.requests.entries).toEqual([]);
  });

  test('on a dry run, which says the same', async () => {
    deploy([runs(before)]);
    const dry = await cluster.adopt(namespace, { dryRun: true });
    expect(patches()).toBe(0);
    const { code, report, said } = await cluster.adopt(namespace);
    expect(dry).toEqual({
      code,
      said: said.replace('adopted\n', 'to be adopted; nothing was written (--dry-run)\n'),
      report: { ...report, dryRun: true },
    });
  });

  test('if the registry does not have what the nodes report', async () => {
    const gone = `sha256:${'0'.repeat(64)}`;
    deploy([runs(gone)]);
    const { code, report } = await cluster.adopt(namespace);
    expect(code).toBe(1);
    expect(report.images).toMatchObject([
      {
        state: 'unconfirmed',
        running: [{ digest: gone, from: 'imageID', pods: 1 }],
        notes: [
          `the registry doesn't have ${gone}, which runs; push it there again from a node or a mirror, and run adopt again, or roll out what the tag has now: new pods get it anyway`,
          `its tag has ${after} now`,
        ],
      },
    ]);
    expect(report.images[0]?.digest).toBeUndefined();
    expect(patches()).toBe(0);
  });

  test("if the nodes name another repository, and the image's own does not have the digest", async () => {
    const elsewhere = `sha256:${'1'.repeat(64)}`;
    deploy([{ imageId: `quay.io/other/app@${elsewhere}` }]);
    const { code, report } = await cluster.adopt(namespace);
    expect(code).toBe(1);
    expect(report.images).toMatchObject([
      {
        state: 'unconfirmed',
        notes: [
          expect.stringMatching(/^the registry doesn't have sha256:1+, which runs; push it there again/),
          'imageID names another repository, quay.io/other/app',
          `its tag has ${after} now`,
        ],
      },
    ]);
    expect(patches()).toBe(0);
  });

  test('if pods run two digests, until told which counts', async () => {
    deploy([runs(before, 1), runs(after, 2), runs(before, 0)]);
    const { code, report, said } = await cluster.adopt(namespace);
    expect(code).toBe(1);
    expect(said).toContain('1 with several digests (choose with --prefer newest or --prefer oldest)');
    expect(report.images).toMatchObject([
      {
        state: 'several',
        running: [
          { digest: before, pods: 2 },
          { digest: after, pods: 1 },
        ],
      },
    ]);
    expect(patches()).toBe(0);

    expect((await cluster.adopt(namespace, { prefer: 'oldest' })).code).toBe(0);
    expect(pinsOf()).toEqual({ [tagged]: before });
    expect((await cluster.adopt(namespace, { prefer: 'newest' })).code).toBe(0);
    expect(pinsOf()).toEqual({ [tagged]: after });
  });

  test.each([
    ['while its pods are left', 'no other'],
    ['and made anew under its name', 'another'],
  ])('of a revision that has been deleted %s', async (_, other) => {
    cluster.api.put(podOf(namespace, { image: tagged }));
    if (other === 'another') {
      const metadata = { namespace, name: 'web-abc', uid: 'another' };
      cluster.api.put({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata, spec: {} });
    }
    const { code, report } = await cluster.adopt(namespace);
    expect(code).toBe(1);
    expect(report.images).toEqual([
      {
        revision: 'replicaset/web-abc',
        state: 'deleted',
        notes: ['it has been deleted, and its pods will be'],
      },
    ]);
  });

  test('of a revision whose annotations leave no room', async () => {
    deploy([runs(before)], { annotations: { big: 'x'.repeat(256 * 1024 - 10) } });
    const { code, report } = await cluster.adopt(namespace, { dryRun: true });
    expect(code).toBe(3);
    expect(report.images[0]?.notes).toEqual(['its annotations would exceed 256 KiB; remove some']);
  });
});

test('tagpin adopt names the revisions that it had no time to write', async () => {
  deploy([runs(before)]);
  const restore = cluster.api.fail({
    resource: 'replicasets',
    verbs: ['patch'],
    effect: { outcome: 'hang' },
  });
  const { code, report } = await cluster.adopt(namespace, { timeout: 1_000 });
  restore();
  expect(code).toBe(3);
  expect(report.images).toMatchObject([
    {
      state: 'unwritten',
      notes: [expect.stringMatching(/^it can't be written: PATCH .*: no answer in time; /)],
    },
  ]);
});

describe('tagpin adopt without a permission', () => {
  test('to write one revision writes the others, and fails', async () => {
    deploy([runs(before)]);
    for (const object of otherWorkloads(namespace, { image: tagged, imageId: `${name}@${before}` })) {
      cluster.api.put(object);
    }
    const restore = cluster.api.fail({ resource: 'replicasets', verbs: ['patch'], effect: 'forbidden' });
    const { code, report, said } = await cluster.adopt(namespace);
    restore();
    expect(code).toBe(3);
    expect(said).toBe('tagpin: 1 image in 5 places: 3 adopted, 1 not written, 1 of ReplicationControllers\n');
    expect(report.images.find(({ state }) => state === 'unwritten')?.notes).toEqual([
      expect.stringMatching(
        /^it can't be written: replicasets\.apps "web-abc" is forbidden: .* cannot patch resource "replicasets" .*; ask for that permission$/,
      ),
    ]);
    expect(pinsOf('own', 'Job', 'task')).toEqual({ [tagged]: before });
  });

  test.each(['pods', 'deployments', 'replicasets'])('to list %s fails, and says which', async (resource) => {
    deploy([runs(before)]);
    const restore = cluster.api.fail({ resource, verbs: ['list'], effect: 'forbidden' });
    const refused = cluster.adopt(namespace);
    await expect(refused).rejects.toThrow(
      new RegExp(
        `^the revisions of namespace ${namespace} can't be read: .*cannot list resource "${resource}".*; ask for`,
      ),
    );
    restore();
  });

  test('to read pull secrets confirms nothing, and says so', async () => {
    deploy(
      [runs(before)],
      {},
      {
        containers: [{ name: 'web', image: tagged }],
        imagePullSecrets: [{ name: 'registry' }],
      },
    );
    const restore = cluster.api.fail({ resource: 'secrets', effect: 'forbidden' });
    const { code, report } = await cluster.adopt(namespace);
    restore();
    expect(code).toBe(1);
    expect(report.images).toMatchObject([
      {
        state: 'unconfirmed',
        notes: [
          expect.stringMatching(
            /its pull secrets can't be read: .*cannot get resource "secrets".*; ask for that permission$/,
          ),
        ],
      },
    ]);
  });
});
