import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Digest, sha256 } from '../../src/image/digest.ts';
import { createKubernetesApi } from '../../src/kubernetes/api.ts';
import { connect } from '../../src/kubernetes/connection.ts';
import { membershipOf } from '../../src/revision/membership.ts';
import { RevisionDigests, type RevisionOptions } from '../../src/revision/revision-digests.ts';
import { startSecureApiServer } from '../support/api-server.ts';

const [one, two] = [sha256('one'), sha256('two')];
const image = 'quay.io/web:1';
const labels = { app: 'web', 'pod-template-hash': 'abc' };
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-abc', uid: 'u1', controller: true };

async function start(options: RevisionOptions = {}) {
  const api = await startSecureApiServer();
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-revisions-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  const connection = connect({ kubeconfig });
  const revisions = new RevisionDigests(createKubernetesApi(connection), options);
  const membership = membershipOf('default', { labels, ownerReferences: [owner] });
  if (membership === undefined) throw new Error('no member of anything');

  return {
    api,
    /** The revision, with such pins. */
    replicaSet(annotations: Record<string, string>, uid = owner.uid) {
      api.put({
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: { namespace: 'default', name: owner.name, uid, labels, annotations },
        spec: {},
      });
    },
    /** A pod of it that runs the image by tag. */
    running(name: string, digest: Digest) {
      api.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: 'default', name, labels, ownerReferences: [owner] },
        spec: { containers: [{ name: 'web', image }] },
        status: { containerStatuses: [{ name: 'web', imageID: `quay.io/web@${digest}` }] },
      });
    },
    /** A pinned pod of it. */
    pod(name: string, digest: Digest, second = 0, ownerUid = owner.uid) {
      api.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          namespace: 'default',
          name,
          labels,
          creationTimestamp: `2026-01-01T00:00:0${second}Z`,
          ownerReferences: [{ ...owner, uid: ownerUid }],
          annotations: { 'tagpin.dev/images': JSON.stringify({ web: image }) },
        },
        spec: { containers: [{ name: 'web', image: `quay.io/web@${digest}` }] },
      });
    },
    /** What a pod gets for an image, if its tag is at `now`. */
    async ask(now: Digest | Error, { wanted = image, remember = true, patience = 5_000 } = {}) {
      const signal = AbortSignal.timeout(patience);
      const known = await revisions.of(membership, { remember }).find(wanted, signal);
      const { lacked } = known;
      if (known.digest !== undefined) return { digest: known.digest, source: known.source, lacked };
      if (known.reported !== undefined) return { digest: known.reported, source: 'node', lacked };
      if (now instanceof Error) throw now;
      await delay(5);
      const agreed = known.agree(now);
      return agreed === undefined
        ? { digest: now, source: 'registry', lacked }
        : { digest: agreed, source: 'sibling', lacked };
    },
    async [Symbol.asyncDispose]() {
      await api.close();
      await connection.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const stored = (digest: Digest | null, time = '1') => ({
  [`pins.tagpin.dev/abc.${time}`]: JSON.stringify({ [image]: digest }),
});
const fails = new Error('asked a registry');

describe('an image that the revision has pinned', () => {
  test('has that digest, and no registry is asked', async () => {
    await using at = await start();
    at.replicaSet(stored(one));
    expect(await at.ask(fails)).toEqual({ digest: one, source: 'revision', lacked: false });
  });

  test('costs one request for the metadata alone, however many pods come at once and after', async () => {
    await using at = await start();
    at.replicaSet(stored(one));
    await Promise.all(Array.from({ length: 50 }, () => at.ask(fails)));
    await at.ask(fails);
    expect(at.api.requests.of('replicasets').map(({ headers }) => headers.accept)).toEqual([
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    ]);
    expect(at.api.requests.of('pods')).toEqual([]);
  });

  test('is looked up again after a while, since somebody may have adopted the revision', async () => {
    await using at = await start({ age: 20 });
    at.replicaSet(stored(one));
    await at.ask(fails);
    at.replicaSet({ ...stored(one), ...stored(two, '2') });
    await delay(40);
    expect(await at.ask(fails)).toMatchObject({ digest: two });
  });

  test('is not believed of an object that only has the name', async () => {
    await using at = await start();
    at.replicaSet(stored(one), 'u2');
    expect(await at.ask(two)).toMatchObject({ digest: two, source: 'registry' });
  });

  test('is not believed under the key of another revision', async () => {
    await using at = await start();
    at.replicaSet({ 'pins.tagpin.dev/def.1': JSON.stringify({ [image]: one }) });
    expect(await at.ask(two)).toMatchObject({ digest: two, source: 'registry' });
  });
});

describe('an image that the pins do not name', () => {
  test('is resolved for the first pod, and the others agree', async () => {
    await using at = await start();
    at.replicaSet(stored(one));
    const wanted = 'quay.io/sidecar:1';
    expect(await at.ask(two, { wanted })).toEqual({ digest: two, source: 'registry', lacked: false });
    expect(await at.ask(one, { wanted })).toEqual({ digest: two, source: 'sibling', lacked: false });
  });

  test('has the digest of the oldest pod that is pinned from it', async () => {
    await using at = await start();
    at.replicaSet({ 'pins.tagpin.dev/abc.1': '{}' });
    at.pod('new', two, 2);
    at.pod('old', one, 1);
    expect(await at.ask(fails)).toEqual({ digest: one, source: 'sibling', lacked: false });
  });

  test('is looked for again in the pins after a moment', async () => {
    await using at = await start({ lackingAge: 20 });
    at.replicaSet({ 'pins.tagpin.dev/abc.1': '{}' });
    await at.ask(two);
    at.replicaSet(stored(one, '2'));
    await delay(40);
    expect(await at.ask(two)).toMatchObject({ digest: one, source: 'revision' });
  });
});

describe('without a stored digest', () => {
  test('pods have that of their oldest pinned sibling', async () => {
    await using at = await start();
    at.replicaSet({});
    at.pod('new', two, 2);
    at.pod('old', one, 1);
    at.pod("another owner's", two, 0, 'u2');
    expect(await at.ask(fails)).toEqual({ digest: one, source: 'sibling', lacked: false });
  });

  test('pods have what an unpinned sibling runs, if no sibling is pinned', async () => {
    await using at = await start();
    at.replicaSet({});
    at.running('by-tag', two);
    expect(await at.ask(fails)).toEqual({ digest: two, source: 'node', lacked: false });
    at.pod('pinned', one);
    expect(await at.ask(fails)).toEqual({ digest: one, source: 'sibling', lacked: false });
  });

  test('pods follow the one that came to be, and not the one that was refused in the end', async () => {
    await using at = await start();
    at.replicaSet({});
    expect(await at.ask(one)).toMatchObject({ digest: one });
    at.pod('of-another-replica', two);
    expect(await at.ask(fails)).toMatchObject({ digest: two });
  });

  test('a burst of pods lists its siblings once they show what they are pinned to', async () => {
    await using at = await start();
    at.replicaSet({});
    at.pod('first', one);
    for (let count = 0; count < 20; count++) await at.ask(fails);
    expect(at.api.requests.of('pods', 'list')).toHaveLength(1);
  });

  test('pods agree, also while none of them is stored yet and the tag moves', async () => {
    await using at = await start();
    at.replicaSet({});
    const asked = [one, two, one, two].map((now) => at.ask(now));
    const digests = new Set((await Promise.all(asked)).map(({ digest }) => digest));
    expect(digests.size).toBe(1);
    for (const now of [one, two]) expect(digests).toContain((await at.ask(now)).digest);
  });

  test('pods agree also where the revision itself is gone', async () => {
    await using at = await start();
    const first = await at.ask(one);
    expect(await at.ask(two)).toMatchObject({ digest: first.digest, source: 'sibling' });
  });

  test('a pod that is only tried decides nothing', async () => {
    await using at = await start();
    at.replicaSet({});
    expect(await at.ask(one, { remember: false })).toMatchObject({ digest: one });
    expect(await at.ask(two)).toMatchObject({ digest: two });
    expect(await at.ask(one, { remember: false })).toMatchObject({ digest: two });
  });

  test('a pod that could not be pinned decides nothing', async () => {
    await using at = await start();
    at.replicaSet({});
    await expect(at.ask(fails)).rejects.toBe(fails);
    expect(await at.ask(two)).toMatchObject({ digest: two, source: 'registry' });
  });

  test('it is told where the template has the image, and the tag could not be resolved then', async () => {
    await using at = await start();
    at.replicaSet(stored(null));
    expect(await at.ask(one)).toEqual({ digest: one, source: 'registry', lacked: true });
    expect(await at.ask(two)).toEqual({ digest: one, source: 'sibling', lacked: true });
  });

  test('siblings are listed in pages, all of them', async () => {
    await using at = await start();
    at.replicaSet({});
    for (let i = 0; i < 300; i++) at.pod(`pod-${String(i).padStart(3, '0')}`, two, 5);
    at.pod('zzz', one, 1);
    expect(await at.ask(fails)).toMatchObject({ digest: one });
    expect(at.api.requests.of('pods', 'list')).toHaveLength(4);
  });
});

describe('a revision that cannot be read', () => {
  test.each(['replicasets', 'pods'])('is an error that names the permission: %s', async (resource) => {
    await using at = await start();
    at.replicaSet({});
    at.api.fail({ resource, effect: 'forbidden' });
    await expect(at.ask(one)).rejects.toMatchObject({
      name: 'UnreadableRevision',
      message: expect.stringContaining(resource),
    });
  });

  test('keeps nobody waiting beyond his own time', async () => {
    await using at = await start();
    at.api.fail({ resource: 'replicasets', effect: { outcome: 'hang' } });
    await expect(at.ask(one, { patience: 50 })).rejects.toMatchObject({
      name: 'UnreadableRevision',
      message: 'GET /apis/apps/v1/namespaces/default/replicasets/web-abc: no answer in time',
    });
  });
});
